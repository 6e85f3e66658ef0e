// SPDX-License-Identifier: Apache-2.0
// ssh_keys: which keys may log in to an account; change_ssh_keys: others. The file is ~/.ssh/authorized_keys of sshd(8), and the
// work on it is done with the account's own rights.
#pragma once
#include <bellhop/context.hpp>

#include <string>
#include <vector>

namespace bellhop::op {

struct SshKeys {
    static constexpr OperationInfo info{"ssh_keys", "list an account's authorized SSH keys", false};
    struct Request {
        std::string user;
    };
    struct Answer {
        std::vector<std::string> keys;  // lines, in the file's order, without comments and empty ones
    };
};

struct ChangeSshKeys {
    static constexpr OperationInfo info{"change_ssh_keys", "change an account's authorized SSH keys", true};
    enum class How { add, replace, remove };  // replace: everything in the file; add: those that are not there
    struct Request {
        std::string user;
        How how = How::add;
        std::vector<std::string> keys;  // a line each; empty ones are ignored
    };
    struct Answer {};
};

}  // namespace bellhop::op
