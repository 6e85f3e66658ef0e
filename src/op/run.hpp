// SPDX-License-Identifier: Apache-2.0
// run: start a command, hand on what it writes, say how it ended.
#pragma once
#include <bellhop/context.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace bellhop::op {

struct Run {
    static constexpr OperationInfo info{"run", "run a command and stream its output", true};
    enum class Input { none, given };  // none: /dev/null. given: by Job::input()
    struct Request {
        std::vector<std::string> argv;
        std::vector<std::string> environment{};   // "NAME=value", over the agent's own
        std::string directory{};                  // empty: the agent's
        std::chrono::milliseconds time_limit{0};  // 0: none
        // How long a grandchild may hold an output after the command itself is gone. None: for as long as it likes.
        std::optional<std::chrono::milliseconds> grace = std::chrono::milliseconds(200);
        Input input = Input::none;
    };
};

}  // namespace bellhop::op
