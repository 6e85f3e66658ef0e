// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bellhop/secret.hpp>

#include <string>

namespace bellhop::tool {

// Twice from the terminal without echo, where stdin is one; else one line of stdin. Throws Failure. From now on the process
// leaves no core dump.
Secret read_password(const std::string& user);

}  // namespace bellhop::tool
