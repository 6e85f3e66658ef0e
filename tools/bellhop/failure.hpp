// SPDX-License-Identifier: Apache-2.0
// How a command of the host tool ends when it does not succeed. Thrown, unlike in the agent: here
// every trouble ends the one command that the process was started for (only `wait` tries again),
// and destructors remove what was half made.
#pragma once
#include <stdexcept>
#include <string>

namespace bellhop::tool {

// The exit codes, as --help lists them. `run` has the command's own code, so there every trouble of
// ours is own_trouble.
enum class Exit { done = 0, failed = 1, usage = 2, unreachable = 3, broken = 4, time_limit = 124, own_trouble = 125 };

struct Failure : std::runtime_error {
    Failure(Exit code, const std::string& text, std::string cure = {})
        : std::runtime_error(text), exit(code), hint(std::move(cure))
    {
    }

    Exit exit;
    std::string hint;  // what to do about it; may be empty
};

}  // namespace bellhop::tool
