// SPDX-License-Identifier: Apache-2.0
// What operations work with: the loop, its memory, its children, the table of jobs. One for each agent.
#pragma once
#include "op/foreign_mounts.hpp"
#include "op/frozen.hpp"

#include <bellhop/config.hpp>
#include <bellhop/context.hpp>
#include <bellhop/log.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace asio {
class io_context;
}

namespace bellhop::os {
class Children;
}

namespace bellhop::op {

class JobTable;

struct AgentFacts {  // what `info` tells
    std::string version;
    const Config& config;
    std::vector<std::string> dialects{};
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

struct Guest {
    asio::io_context& io;
    Chunk chunk;
    Timers& timers;
    JobTable& jobs;
    os::Children& children;
    const AgentFacts& facts;
    Frozen frozen{};
    ForeignMounts foreign{};
    // For the log: what the guest's operator should know and no answer tells. The agent's; here it goes nowhere.
    std::function<void(Log::Level, std::string_view)> remark = [](Log::Level, std::string_view) {};
    std::map<std::string, std::string> ignored{};  // paths of what could be own commands, and what was remarked on them
};

}  // namespace bellhop::op
