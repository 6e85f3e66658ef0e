// SPDX-License-Identifier: Apache-2.0
// One text of several. A chain of + is a temporary and its end for each part, a hundred bytes of code where this is ten.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

namespace bellhop {

std::string concat(std::initializer_list<std::string_view> parts);

}  // namespace bellhop
