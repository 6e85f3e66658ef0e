// SPDX-License-Identifier: Apache-2.0
// cpus: the processors, and which of them are in use; set_cpus: use them or do not.
#pragma once
#include <bellhop/context.hpp>

#include <vector>

namespace bellhop::op {

struct Cpus {
    static constexpr OperationInfo info{"cpus", "list processors", false};
    struct Request {};
    struct Cpu {
        std::int64_t number = 0;
        bool online = true, can_offline = false;
    };
    struct Answer {
        std::vector<Cpu> cpus;  // by number
    };
};

struct SetCpus {
    static constexpr OperationInfo info{"set_cpus", "bring processors online or offline", true};
    struct Change {
        std::int64_t number = 0;
        bool online = true;
    };
    struct Request {
        std::vector<Change> changes;  // in this order, until one fails
    };
    struct Answer {
        std::size_t done = 0;  // before one failed. An Error: the first one did
    };
};

}  // namespace bellhop::op
