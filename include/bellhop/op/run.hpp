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
    enum class Input { none, given };                        // none: /dev/null. given: by Job::input()
    enum class Output { streamed, discarded, with_stdout };  // discarded: /dev/null. with_stdout: of stderr, into the same pipe
    enum class Environment { over_ours, instead };
    struct Request {
        std::vector<std::string> argv;
        std::vector<std::string> environment{};  // "NAME=value"; a PATH among them is where argv[0] is looked up
        Environment environment_is = Environment::over_ours;
        std::string directory{};                  // empty: the agent's
        std::chrono::milliseconds time_limit{0};  // 0: none
        // How long a grandchild may hold an output after the command itself is gone. None: for as long as it likes.
        std::optional<std::chrono::milliseconds> grace = std::chrono::milliseconds(200);
        Input input = Input::none;
        Output standard_output = Output::streamed, standard_error = Output::streamed;
        // An account of /etc/passwd, with its groups, HOME, USER, LOGNAME and SHELL (unless `environment` has them). None: the
        // agent's.
        std::optional<std::string> user{};
    };
};

}  // namespace bellhop::op
