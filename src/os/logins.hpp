// SPDX-License-Identifier: Apache-2.0
// Who is logged in: utmp(5), or where nobody writes that any more, what systemd-logind keeps of its sessions.
#pragma once
#include <bellhop/op/users.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace bellhop::os {

// From ROOT/run/utmp, else ROOT/var/run/utmp, else ROOT/run/systemd/sessions. Each user once, with his earliest login, in the
// order in which they are found.
std::vector<op::Users::User> logins(const std::string& root);
std::vector<op::Users::User> parse_utmp(std::string_view records);

}  // namespace bellhop::os
