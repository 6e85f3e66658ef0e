// SPDX-License-Identifier: Apache-2.0
// The passwords' file, for guests that have no program of their own to change it. It blocks (others may hold its lock): for a
// child only.
#pragma once
#include <bellhop/result.hpp>

#include <string>
#include <string_view>

namespace bellhop::os {

// In ROOT/etc/shadow, under its lock; the file is replaced whole, with owner and mode as they were. `crypted`: as crypt(5).
Status set_shadow_password(const std::string& root, const std::string& user, std::string_view crypted);
// As crypt(5) writes it, SHA-512 with a salt of its own. unsupported: the C library of this build has no crypt(3).
Result<std::string> crypted_password(std::string_view password);

}  // namespace bellhop::os
