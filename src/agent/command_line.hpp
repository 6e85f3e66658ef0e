// SPDX-License-Identifier: Apache-2.0
// bellhop-agent's options: getopt_long(3). What they set is the table in agent/settings.
#pragma once
#include "agent/settings.hpp"

#include <optional>
#include <utility>

namespace bellhop {

constexpr const char* usual_config = "/etc/bellhop/agent.conf";

struct CommandLine {
    enum class Wants { serve, print_config, check, help, version } wants = Wants::serve;
    std::optional<std::string> config;                           // --config; none: the usual one, if it is there
    std::vector<std::pair<const Setting*, std::string>> values;  // in the file's notation, each setting once

    // The file, then the options, then the default endpoint. Again for each reload.
    Result<Settings> load() const;
};

enum class StrayWords { refused, ignored };  // ignored: a kernel hands its process 1 all words that it does not know itself
Result<CommandLine> parse_command_line(int argc, char** argv, StrayWords = StrayWords::refused);
std::string help_text();

}  // namespace bellhop
