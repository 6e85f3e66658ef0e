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

// The memory of large requests and answers, for the next that come: a mebibyte of base64 is 350 pages, and to have a page anew
// costs as much as to fill it. It is dropped when none comes for a while.
class SpareMemory {
public:
    explicit SpareMemory(Timers& timers) : timers_(timers) {}
    std::string request, text, piece;  // to be taken, or swapped with
    void keep(std::string& where, std::string used)
    {
        if (used.capacity() < least || used.capacity() > most)
            return;
        where = std::move(used);
        in_use_ = true;
        if (!end_)
            look_later();
    }

private:
    void look_later()
    {
        end_ = timers_.after(std::chrono::milliseconds(500), [this] {
            if (std::exchange(in_use_, false))
                return look_later();
            for (std::string* one : {&request, &text, &piece})
                std::string().swap(*one);
            end_.reset();
        });
    }
    static constexpr std::size_t least = 32 << 10, most = 4 << 20;
    Timers& timers_;
    std::unique_ptr<Timer> end_;
    bool in_use_ = false;
};

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

    SpareMemory spare{own.timers};

    std::list<std::unique_ptr<Call>> calls;  // last: what they hold may look at the rest
};

}  // namespace bellhop::qga
