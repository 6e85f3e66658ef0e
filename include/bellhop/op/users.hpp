// SPDX-License-Identifier: Apache-2.0
// users: who is logged in.
#pragma once
#include <bellhop/context.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace bellhop::op {

struct Users {
    static constexpr OperationInfo info{"users", "list who is logged in", false};
    struct Request {};
    struct User {
        std::string name;
        std::chrono::microseconds since{};  // 1970: the first of his logins that still last
    };
    struct Answer {
        std::vector<User> users;  // each once
    };
};

}  // namespace bellhop::op
