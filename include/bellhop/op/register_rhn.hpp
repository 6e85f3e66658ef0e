// SPDX-License-Identifier: Apache-2.0
// register_rhn: have Red Hat's rhnreg_ks(8) register the guest with a server of the classic Red Hat Network.
#pragma once
#include <bellhop/context.hpp>
#include <bellhop/secret.hpp>

#include <string>
#include <vector>

namespace bellhop::op {

struct RegisterRhn {
    static constexpr OperationInfo info{"register_rhn", "register with a Red Hat Network server", true};
    struct Request {
        Secret activation_key;  // rhnreg_ks takes it from its arguments and nowhere else
        std::string profile;
        std::vector<std::string> domains;
    };
    struct Answer {
        int status = 0;  // as wait(2) has it
    };
};

}  // namespace bellhop::op
