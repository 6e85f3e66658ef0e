// SPDX-License-Identifier: Apache-2.0
// Another program's help (chpasswd, hwclock, a hook), waited for. It blocks: for a child of ours only, never for the loop. The
// helper stays in the caller's process group, so that whoever ends the caller ends it too.
#pragma once
#include <bellhop/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace bellhop::os {

struct HelperEnd {
    int code = 0;        // exit code, or 128 + the signal that killed it
    int status = 0;      // as wait(2) has it
    std::string output;  // of both streams, 64 KiB at most
    std::string errors;  // of standard error alone
};

enum class Environment { ours, empty };

// An Error: it could not be started.
Result<HelperEnd> run_helper(const std::vector<std::string>& argv, std::string_view input = {},
                             Environment environment = Environment::ours);

}  // namespace bellhop::os
