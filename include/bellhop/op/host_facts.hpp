// SPDX-License-Identifier: Apache-2.0
// host_facts: what the guest is called, and what system it is.
#pragma once
#include <bellhop/context.hpp>

#include <string>
#include <utility>
#include <vector>

namespace bellhop::op {

struct HostFacts {
    static constexpr OperationInfo info{"host_facts", "say what the guest is called and what system it is", false};
    struct Request {
        std::string os_release;  // a file to be read in place of the guest's own. Empty: none
    };
    struct Answer {
        std::string host_name;                                        // gethostname(2)
        std::string kernel_release, kernel_version, machine;          // uname(2)
        std::vector<std::pair<std::string, std::string>> os_release;  // as os-release(5) names them. Empty: there is no such file
    };
};

}  // namespace bellhop::op
