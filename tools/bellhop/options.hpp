// SPDX-License-Identifier: Apache-2.0
// What the command line asks for.
#pragma once
#include "client.hpp"

#include <optional>
#include <string>
#include <vector>

namespace bellhop::tool {

struct Options {
    std::string command;  // "ping", "wait", …
    std::string at;
    bool json = false;
    Limits limits;

    std::chrono::milliseconds patience{60'000};  // of wait
    RunRequest run;
    CallRequest call;
    std::string user = "root";         // of password
    std::string local, remote;         // of put and get
    std::optional<std::int64_t> mode;  // of put
};

// Known before the rest is understood, and when it cannot be.
bool asks_for_json(int count, char** words);

// Answers --help and --version itself, and gives nothing then. Throws Failure.
std::optional<Options> read_command_line(int count, char** words);

}  // namespace bellhop::tool
