// SPDX-License-Identifier: Apache-2.0
// bellhop-agent's options: getopt_long(3).
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/log.hpp>
#include <bellhop/result.hpp>

#include <string>
#include <variant>

namespace bellhop {

struct CommandLine {
    Config config;
    Log::Level log_level = Log::Level::info;
};
struct Text {  // what was asked for: --help, --version
    std::string text;
};
Result<std::variant<CommandLine, Text>> parse_command_line(int argc, char** argv);

}  // namespace bellhop
