// SPDX-License-Identifier: Apache-2.0
// Wires links to dialects. What has to be looked at now and then (peers that keep us waiting) is looked at by one timer for all
// connections, which runs only while there are any: a short conversation is over before it costs a timer, and an idle agent
// sleeps.
#include "agent/agent_impl.hpp"
#include "agent/version.hpp"
#include "base/concat.hpp"
#include "base/endpoint.hpp"
#include "dialect/registry.hpp"
#include "os/memory.hpp"
#include "transports/registry.hpp"

#include <algorithm>

namespace bellhop {
namespace {

std::string what_of(std::exception_ptr bug)
{
    try {
        std::rethrow_exception(bug);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "an unknown exception";
    }
}

Error too_late(std::string_view name)
{
    return {Error::Kind::bad_request, {}, concat({"'", name, "' comes too late: the agent has started"})};
}

}  // namespace

void AgentBarrier::on_bug(std::exception_ptr bug) noexcept
{
    try {
        log_.write(Log::Level::error, "a bug: " + what_of(bug));
    } catch (...) {  // no memory for a line
    }
}

Agent::Impl::Impl(asio::io_context& io, Config config, Log& log)
    : io_(io), config_(std::move(config)), log_(log), memory_(config_.limits.buffered), jobs_(timers_, config_.limits.runs),
      children_(io), facts_{version, config_}, transport_rows_(transports::rows()), dialect_rows_(dialects::rows()),
      operations_({io, source_pages_.chunk(), timers_, jobs_, children_, facts_}, policy_)
{
    op::Frozen& frozen = operations_.guest().frozen;
    frozen.on_change = std::bind_front(&Log::hush, &log_);
    log_.hush(!frozen.nothing());
    operations_.guest().remark = std::bind_front(&Log::write, &log_);
}

// ---- the tables

Status Agent::Impl::add(TransportRow row)
{
    return started_ ? too_late(row.name) : transport_rows_.add(std::move(row), "a transport");
}

Status Agent::Impl::add(DialectRow row)
{
    return started_ ? too_late(row.name) : dialect_rows_.add(std::move(row), "a dialect");
}

Status Agent::Impl::add(OperationRow row)
{
    return started_ ? too_late(row.info->name) : operations_.add(std::move(row));
}

// ---- listening

Status Agent::Impl::start()
{
    started_ = true;
    facts_.dialects.clear();
    for (const DialectRow& row : dialect_rows_)
        facts_.dialects.push_back(row.name);
    if (Status status = check(config_); !status)
        return status;
    std::optional<Error> lacking;
    for (const Endpoint& endpoint : config_.listen) {
        Status status = listen(endpoint);
        if (status)
            continue;
        const bool others = config_.listen.size() > 1 && status.error().kind == Error::Kind::unsupported && status.error().os;
        if (!others)
            return status;
        log_.write(Log::Level::warning, status.error().text);
        lacking = std::move(status.error());
    }
    if (config_.reap_strangers)
        children_.reap_strangers();
    if (listening_.empty())
        return lacking ? std::move(*lacking) : Error{Error::Kind::bad_request, {}, "no endpoint to listen on"};
    return done();
}

Status Agent::Impl::listen(const Endpoint& endpoint)
{
    const TransportRow& row = *transport_rows_.find(endpoint.transport);  // check() has seen it
    std::vector<std::string> names = dialects_of(endpoint, row);
    for (const std::string& name : names)
        if (std::unique_ptr<Dialect>& place = dialects_[name]; !place)
            place = dialect_rows_.find(name)->make(config_, context_);
    const std::string dialects = endpoint.dialect.empty() ? row.usual_dialect : endpoint.dialect;
    listening_.emplace_back(*this, std::move(names), row.make(io_, timers_, endpoint.address));
    Status status = listening_.back().start();
    if (status) {
        not_standing_ += row.carries == TransportRow::Carries::store ? 1 : 0;
        log_.write(Log::Level::info, concat({"listening on ", endpoint.transport, ":", endpoint.address, "=", dialects}));
    } else
        listening_.pop_back();
    return status;
}

void Agent::Impl::open_link(std::unique_ptr<ByteLink> bytes, Peer peer, const std::string& name)
{
    if (Status admitted = policy_.admit(peer); !admitted)
        return log_.write(Log::Level::warning, "refused: " + admitted.error().text);
    const bool over_limit = served() >= config_.limits.connections;
    if (over_limit && refused_ >= config_.limits.connections)
        return log_.write(Log::Level::debug, "too many connections even to refuse " + peer.name);
    Context context{std::move(peer), name, operations_, timers_, barrier_, memory_};
    Link& link = *links_.emplace_back(std::make_unique<Link>(io_, timers_, link_pages_.chunk(), std::move(bytes),
                                                             std::move(context), static_cast<Link::Owner&>(*this)));
    if (over_limit) {
        ++refused_;
        const std::string why = concat({"the guest serves ", std::to_string(config_.limits.connections), " connections already"});
        log_.write(Log::Level::warning, concat({"refused ", link.peer().name, ": ", why}));
        link.refuse(dialects_[name]->refusal({Error::Kind::busy, {}, why}));
    } else
        link.start(*dialects_[name]);
    if (!check_ && watched())
        check_later();
}

void Agent::Impl::on_gone(Link& link, const io::Channel::Ending& ending)
{
    log_ending(link.peer(), ending);
    refused_ -= link.refused() ? 1 : 0;
    std::erase_if(links_, [&link](const auto& other) { return other.get() == &link; });
    if (check_ && !watched()) {  // it was not a short conversation only
        check_.reset();
        rest();
    }
    if (nobody_there())
        maybe_over();
}

void Agent::Impl::on_quiet()
{
    if (!check_)
        rest();
}

bool Agent::Impl::watched() const
{
    return std::any_of(links_.begin(), links_.end(), [](const auto& link) { return !link->lasting(); });
}

void Agent::Impl::rest()
{
    link_pages_.give_back();
    source_pages_.give_back();
    os::give_back_free_memory();
    if (on_rest)
        on_rest();
}

void Agent::Impl::log_ending(const Peer& peer, const io::Channel::Ending& ending)
{
    if (ending.bug)
        log_.write(Log::Level::error, concat({"a bug in a session of ", peer.name, ": ", what_of(ending.bug)}));
    else if (ending.reason && log_.wants(Log::Level::debug))
        log_.write(Log::Level::debug, concat({peer.name, ": ", ending.reason->text}));
}

void Agent::Impl::check_later()
{
    const auto often = std::min(config_.limits.idle, config_.limits.stall) / 4;
    check_ = timers_.after(std::max(often, std::chrono::milliseconds(50)), std::bind_front(&Impl::on_check, this));
}

void Agent::Impl::on_check()
{
    check_later();
    for (const std::unique_ptr<Link>& link : links_)
        link->check(config_.limits);
}

Agent::Agent(asio::io_context& io, Config config, Log& log) : impl_(std::make_unique<Impl>(io, std::move(config), log)) {}
Agent::~Agent() = default;
Status Agent::add(TransportRow row)
{
    return impl_->add(std::move(row));
}
Status Agent::add(DialectRow row)
{
    return impl_->add(std::move(row));
}
Status Agent::add(OperationRow row)
{
    return impl_->add(std::move(row));
}
Status Agent::start()
{
    return impl_->start();
}
Status Agent::check(const Config& config) const
{
    return impl_->check(config);
}
Status Agent::reload(Config config)
{
    return impl_->reload(std::move(config));
}
void Agent::drain(std::function<void()> done)
{
    impl_->drain(std::move(done));
}
void Agent::when_ready(std::function<void(Status)> call)
{
    impl_->when_ready(std::move(call));
}
void Agent::on_rest(std::function<void()> call)
{
    impl_->on_rest = std::move(call);
}
void Agent::on_over(std::function<void()> call)
{
    impl_->on_over = std::move(call);
}

}  // namespace bellhop
