// SPDX-License-Identifier: Apache-2.0
// The --help texts. Written by hand: CLI11's own layout changes with its version, and cannot say
// what belongs together.
#pragma once
#include <string>

namespace bellhop::tool {

std::string help_for(const std::string& command);  // "": of bellhop itself

extern const char address_forms[];  // one a line; errors show them too

}  // namespace bellhop::tool
