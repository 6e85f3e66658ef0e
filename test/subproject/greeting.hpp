// SPDX-License-Identifier: Apache-2.0
// An operation of the embedder's own: answered at once.
#pragma once
#include <bellhop/rows.hpp>

#include <string>

namespace embedder {

struct Greeting {
    static constexpr bellhop::OperationInfo info{"greeting", "greet somebody", false};
    struct Request {
        std::string name;
    };
    struct Answer {
        std::string text;
    };
};
bellhop::OperationRow greeting_row(std::string greeter);

}  // namespace embedder
