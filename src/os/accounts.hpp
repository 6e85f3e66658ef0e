// SPDX-License-Identifier: Apache-2.0
// The guest's accounts, read by ourselves: a static binary must not load the C library's name service, and no other one is asked
// by a call that may hang.
#pragma once
#include <bellhop/result.hpp>

#include <string>
#include <sys/types.h>
#include <vector>

namespace bellhop::os {

struct Account {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;  // its own; groups_of() has all
    std::string home, shell;
};

// From ROOT/etc/passwd. not_found: it is not there; where NSS knows more, account_by_any_means() may find it.
Result<Account> find_account(const std::string& root, const std::string& name);
// It asks getent(1), too, in builds with glibc. It may block: for a child only.
Result<Account> account_by_any_means(const std::string& root, const std::string& name);
std::vector<gid_t> groups_of(const std::string& root, const Account&);  // by ROOT/etc/group, its own first

struct Rights {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
};
// From now on this process has these rights and no others, for good: for a child with memory of its own only. It takes no memory.
// false: errno says why.
bool take(const Rights&);
Status become(const Account&, const std::vector<gid_t>& groups);  // the same, with words

}  // namespace bellhop::os
