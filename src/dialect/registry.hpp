// SPDX-License-Identifier: Apache-2.0
// The dialects there are. A new one is a folder beside this file and a row in registry.cpp.
#pragma once
#include <bellhop/rows.hpp>

#include <vector>

namespace bellhop::dialects {

std::vector<DialectRow> rows();  // sorted by name

}  // namespace bellhop::dialects
