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
    std::string output;  // of both streams, 64 KiB at most
};

// An Error: it could not be started.
Result<HelperEnd> run_helper(const std::vector<std::string>& argv, std::string_view input = {});

}  // namespace bellhop::os
