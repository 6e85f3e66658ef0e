// SPDX-License-Identifier: Apache-2.0
// One connection: the channel, the context that names its peer, and guarded timers, in the order they need each other. A Link is
// destroyed only by its channel's last call, or with the agent; never by a session.
#pragma once
#include "agent/greeter.hpp"
#include "io/channel.hpp"
#include "io/timers.hpp"

#include <optional>

namespace bellhop {

class Link final : private io::Channel::Owner {
public:
    class Owner {
    public:
        virtual void on_gone(Link&, const io::Channel::Ending&) = 0;  // the owner destroys it in it
        virtual void on_quiet() = 0;                                  // one that outlives its hosts has none now
    protected:
        ~Owner() = default;
    };
    Link(asio::io_context& io, Timers& timers, Chunk chunk, std::unique_ptr<ByteLink> bytes, Context context, Owner& owner)
        : owner_(owner), lasting_(bytes->outlives_host()), channel_(io, timers, chunk, std::move(bytes), *this),
          timers_(timers, channel_),
          context_{std::move(context.peer), std::move(context.dialect), context.operations, timers_, channel_, context.memory}
    {
    }
    ~Link() { channel_.drop_session(); }  // while what it was given is still there
    // Both may end in on_gone() before they return.
    void start(Dialect& dialect) { channel_.start(std::make_unique<Greeter>(dialect, channel_, context_)); }
    void refuse(std::string_view words)
    {
        refused_ = true;
        channel_.refuse(words);
    }
    bool refused() const { return refused_; }
    bool lasting() const { return lasting_; }  // outlives its hosts: nothing in it waits for a clock
    void end_if_idle() { channel_.end_if_idle(); }
    void check(const Limits& limits) { channel_.check(limits); }
    const Peer& peer() const { return context_.peer; }

private:
    void on_closed(io::Channel&, const io::Channel::Ending& ending) override { owner_.on_gone(*this, ending); }
    void on_quiet(io::Channel&) override { owner_.on_quiet(); }

    Owner& owner_;
    const bool lasting_;
    io::Channel channel_;
    io::GuardedTimers timers_;
    Context context_;
    bool refused_ = false;
};

}  // namespace bellhop
