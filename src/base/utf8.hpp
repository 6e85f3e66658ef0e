// SPDX-License-Identifier: Apache-2.0
// UTF-8, RFC 3629.
#pragma once
#include <cstddef>
#include <string_view>

namespace bellhop::utf8 {

// How many bytes the character at `at` has; 0: it is not UTF-8 (overlong, a surrogate, cut off, above U+10FFFF).
std::size_t length_at(std::string_view text, std::size_t at);

}  // namespace bellhop::utf8
