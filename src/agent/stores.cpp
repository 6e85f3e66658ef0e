// SPDX-License-Identifier: Apache-2.0
// The agent's stores, and when it is ready. Links are served from the start. Over a store nobody is served before its watches
// stand, and a service manager is told so: what it starts next may well be what asks. But not for long: an agent that never got
// ready would be started again and again, and a daemon that is slow does not get faster by that.
#include "agent/agent_impl.hpp"

namespace bellhop {
namespace {

constexpr std::chrono::seconds ready_anyway{10};

}  // namespace

void Agent::Impl::open_store(std::unique_ptr<Store> store, Peer peer, const std::vector<std::string>& dialects)
{
    if (Status admitted = policy_.admit(peer); !admitted)
        return log_.write(Log::Level::warning, "refused: " + admitted.error().text);
    if (served() >= config_.limits.connections)
        return log_.write(Log::Level::warning, "refused " + peer.name + ": the guest serves " +
                                                   std::to_string(config_.limits.connections) + " connections already");
    Context context{std::move(peer), "", operations_, timers_, barrier_, memory_};
    StoreLink& link = *stores_.emplace_back(std::make_unique<StoreLink>(io_, timers_, std::move(store), std::move(context), log_,
                                                                        static_cast<StoreLink::Owner&>(*this)));
    for (const std::string& name : dialects)
        if (Status status = link.open(name, *dialects_[name]); !status)
            return on_ready(std::move(status));
}

void Agent::Impl::on_gone(StoreLink& link, std::exception_ptr bug)
{
    log_ending(link.peer(), {std::move(bug), {}});
    std::erase_if(stores_, [&link](const auto& other) { return other.get() == &link; });
    if (nobody_there())
        maybe_over();
}

void Agent::Impl::when_ready(std::function<void(Status)> call)
{
    ready_call_ = std::move(call);
    if (not_standing_ == 0)
        return on_ready(done());
    not_ready_ = timers_.after(ready_anyway, [this] {
        log_.write(Log::Level::warning, "the store has not answered for " + std::to_string(ready_anyway.count()) +
                                            " s; its host is served as soon as it does");
        on_ready(done());
    });
}

void Agent::Impl::on_standing()
{
    if (not_standing_ > 0 && --not_standing_ == 0)
        on_ready(done());
}

void Agent::Impl::on_ready(Status status)
{
    not_ready_.reset();
    if (const auto call = std::exchange(ready_call_, nullptr))
        call(std::move(status));
}

}  // namespace bellhop
