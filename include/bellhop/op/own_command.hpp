// SPDX-License-Identifier: Apache-2.0
// own_command: run a command of the guest's operator, an executable in /etc/bellhop/commands.d. own_commands: which there are.
// docs/own-commands.md
#pragma once
#include <bellhop/context.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bellhop::op {

struct OwnCommand {
    static constexpr OperationInfo info{"own_command", "run a command of the operator's own", true};
    struct Request {
        std::string name;
        std::string argument = "null";                          // a JSON value, on its standard input
        std::optional<std::chrono::milliseconds> time_limit{};  // none: the configured one; never more than the configured most
    };
    struct Answer {
        int code = 0;           // as it exited; -N: signal N ended it
        std::string out;        // what it wrote, without the last newline
        bool json = false;      // `out` is one JSON value
        std::string complaint;  // the first line of its standard error
    };
};

struct OwnCommands {
    static constexpr OperationInfo info{"own_commands", "list the operator's own commands", false};
    struct Request {
        std::vector<std::string_view> built_in{};  // the asker's: an own command of such a name is not listed, and logged
    };
    struct Answer {
        std::vector<std::string> names;  // sorted
    };
};

}  // namespace bellhop::op
