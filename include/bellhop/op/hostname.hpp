// SPDX-License-Identifier: Apache-2.0
// set_hostname: the guest's own name, now and after its next start.
#pragma once
#include <bellhop/context.hpp>

#include <string>

namespace bellhop::op {

struct SetHostname {
    static constexpr OperationInfo info{"set_hostname", "give the guest another name", true};
    struct Request {
        std::string name;
    };
    struct Answer {};
};

}  // namespace bellhop::op
