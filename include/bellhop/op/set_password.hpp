// SPDX-License-Identifier: Apache-2.0
// set_password: of an account of the guest.
#pragma once
#include <bellhop/context.hpp>
#include <bellhop/secret.hpp>

#include <string>

namespace bellhop::op {

struct SetPassword {
    static constexpr OperationInfo info{"set_password", "set an account's password", true};
    enum class Form { plain, crypted };  // crypted: as crypt(5) writes it
    struct Request {
        std::string user;
        Secret password;
        Form form = Form::plain;
    };
    struct Answer {             // of the program that changes it
        int code = 0;           // 0: it has; else nothing was changed
        std::string said;       // why not, by both its outputs; without the password
        std::string complaint;  // by its standard error alone
    };
};

}  // namespace bellhop::op
