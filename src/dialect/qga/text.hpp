// SPDX-License-Identifier: Apache-2.0
// JSON as QEMU's agents write it: one line, printable ASCII, ": " and ", ".
#pragma once
#include "base/json.hpp"

#include <string>

namespace bellhop::qga {

void write(std::string& out, const json::Value&);
void write_string(std::string& out, std::string_view text);  // with its quotes; what is not UTF-8 becomes \uFFFD

}  // namespace bellhop::qga
