// SPDX-License-Identifier: Apache-2.0
// What the qga dialect keeps beyond one connection.
#pragma once
#include "dialect/qga/command.hpp"

#include <bellhop/config.hpp>

#include <list>
#include <memory>
#include <string>

namespace bellhop::qga {

bool frozen(const Context&);  // are file systems, or on their way to it
void begin_freeze_lease(struct State&);

struct State {
    State(std::string agent_version, const Config& c, const Context& mine)
        : version(std::move(agent_version)), config(c), own(mine)
    {
        if (frozen)  // an agent before us did it, or qemu-ga
            begin_freeze_lease(*this);
    }
    std::string version;
    const Config& config;
    const Context& own;
    bool frozen = qga::frozen(own);  // refuses most commands
    std::unique_ptr<Timer> freeze_lease;
    std::unique_ptr<Lease> lease_thaw;
    std::shared_ptr<struct Files> files;  // of guest-file-*, made when they are needed
    std::shared_ptr<struct Execs> execs;  // of guest-exec

    // The memory of what was written last, for the next that is written: a mebibyte of base64 is 350 pages. It is dropped when no
    // other comes at once.
    void keep_memory(std::string used)
    {
        if (used.capacity() < least_spare || used.capacity() > most_spare)
            return;
        spare = std::move(used);
        spare_end = own.timers.after(std::chrono::milliseconds(500), [this] { std::string().swap(spare); });
    }
    std::string spare;
    std::unique_ptr<Timer> spare_end;
    static constexpr std::size_t least_spare = 64 << 10, most_spare = 4 << 20;

    std::list<std::unique_ptr<Call>> calls;  // last: what they hold may look at the rest
};

}  // namespace bellhop::qga
