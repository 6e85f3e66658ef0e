// SPDX-License-Identifier: Apache-2.0
// The transports there are. A new one is a folder beside this file and a row in registry.cpp.
#pragma once
#include <bellhop/rows.hpp>

#include <vector>

namespace bellhop::transports {

std::vector<TransportRow> rows();  // sorted by name

}  // namespace bellhop::transports
