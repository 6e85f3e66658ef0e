// SPDX-License-Identifier: Apache-2.0
// One store, and the sessions that share it: of each a view, a barrier and guarded timers of its own. It counts as a connection.
// A bug in one session ends them all, as it ends a link; whoever made the store makes another.
#pragma once
#include "agent/store_view.hpp"
#include "io/timers.hpp"
#include "os/readiness.hpp"

#include <bellhop/context.hpp>
#include <bellhop/dialect.hpp>
#include <bellhop/log.hpp>

#include <list>

namespace bellhop {

class StoreLink {
public:
    class Owner {
    public:
        virtual void on_gone(StoreLink&, std::exception_ptr bug) = 0;  // the owner destroys it in it
        virtual void on_standing() = 0;                                // each of its sessions has heard of what it watches
    protected:
        ~Owner() = default;
    };
    StoreLink(asio::io_context&, Timers&, std::unique_ptr<Store>, Context, Log&, Owner&);
    ~StoreLink();
    Status open(const std::string& name, Dialect&);
    void end_when_idle();  // from now on
    const Peer& peer() const { return context_.peer; }

private:
    class One;
    void on_first_event();
    void on_bug(std::exception_ptr);
    void on_turn_end();
    void end_soon();
    void end() { owner_.on_gone(*this, bug_); }

    Timers& timers_;
    std::unique_ptr<Store> store_;
    Context context_;  // without a dialect
    Log& log_;
    Owner& owner_;
    std::list<One> sessions_;
    std::size_t waiting_ = 0;  // sessions whose first event has not come
    bool draining_ = false, ending_ = false;
    std::exception_ptr bug_;
    os::Readiness<StoreLink> soon_;
};

}  // namespace bellhop
