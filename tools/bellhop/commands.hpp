// SPDX-License-Identifier: Apache-2.0
// What each command of the host tool does and prints.
#pragma once
#include "options.hpp"

namespace bellhop::tool {

int perform(const Options& options);  // gives the exit code; throws Failure

}  // namespace bellhop::tool
