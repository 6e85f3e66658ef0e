// SPDX-License-Identifier: Apache-2.0
// info: what this agent is, what it can do for this asker, and what guest it runs in.
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/context.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace bellhop::op {

struct Info {
    static constexpr OperationInfo info{"info", "say what the agent and the guest are", false};
    struct Request {};
    struct Answer {
        std::string version;
        std::vector<std::string> dialects;
        std::vector<Operations::Listed> operations;
        std::vector<std::pair<std::string, std::string>> os_release;  // as os-release(5) names them
        std::string kernel, machine;                                  // uname(2)
        Limits limits;
        std::chrono::milliseconds uptime{};  // of the agent
        std::int64_t memory_kib = -1;        // resident; -1: not known
        std::vector<std::string> own_commands{};  // that this asker may call
    };
};

}  // namespace bellhop::op
