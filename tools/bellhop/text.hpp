// SPDX-License-Identifier: Apache-2.0
// Text on its way to the terminal, into JSON, through a shell.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace bellhop::tool {

bool is_utf8(std::string_view text);
std::string printable(std::string_view text);  // no control characters: a guest must not drive our terminal
std::string quoted_for_sh(const std::vector<std::string>& words);

std::string size_text(double bytes);        // 1.5 MiB
std::string duration_text(double seconds);  // 1:02:03, 4:05

}  // namespace bellhop::tool
