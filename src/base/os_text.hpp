// SPDX-License-Identifier: Apache-2.0
// What the system says of an errno, in the same words whatever the C library: clients show them, and compare them.
#pragma once
#include <string>
#include <system_error>

namespace bellhop {

std::string os_text(const std::error_code&);

}  // namespace bellhop
