// SPDX-License-Identifier: Apache-2.0
// The answer to `info` as a table for people.
#pragma once
#include "base/json.hpp"

#include <string>

namespace bellhop::tool {

std::string info_table(const json::Value& answer);

}  // namespace bellhop::tool
