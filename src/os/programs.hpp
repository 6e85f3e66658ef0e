// SPDX-License-Identifier: Apache-2.0
// Where one of the guest's programs is.
#pragma once
#include <string>
#include <string_view>

namespace bellhop::os {

// In PATH, else where systems keep them: who started us may have given us no PATH. With a root, under the root only. Empty: there
// is none.
std::string find_program(const std::string& root, std::string_view name);
bool is_program(const std::string& path);

}  // namespace bellhop::os
