// SPDX-License-Identifier: Apache-2.0
// What a configuration may say, a reload, and an end in good order. The last two go on beside what is served: nothing of a link
// is looked at here but whether it is idle.
#include "agent/agent_impl.hpp"
#include "base/concat.hpp"
#include "base/endpoint.hpp"
#include "op/jobs.hpp"

#include <algorithm>
#include <csignal>

namespace bellhop {

namespace {

Error unknown_in_rule(std::string_view what, std::string_view name, std::string_view known)
{
    return {Error::Kind::bad_request, {}, concat({what, name, "', which there is not (there are: ", known, ")"})};
}

}  // namespace

std::vector<std::string> Agent::Impl::dialects_of(const Endpoint& endpoint, const TransportRow& row)
{
    std::vector<std::string> names;
    for (std::string_view rest = endpoint.dialect.empty() ? row.usual_dialect : endpoint.dialect; !rest.empty();) {
        names.emplace_back(rest.substr(0, rest.find(',')));
        rest.remove_prefix(std::min(names.back().size() + 1, rest.size()));
    }
    return names;
}

Status Agent::Impl::check(const Endpoint& endpoint) const
{
    const auto wrong = [](std::initializer_list<std::string_view> text) {
        return Error{Error::Kind::bad_request, {}, concat(text)};
    };
    const std::string whole = text_of(endpoint);
    const TransportRow* row = transport_rows_.find(endpoint.transport);
    if (!row)
        return wrong({"no transport '", endpoint.transport, "' in ", whole, " (there are: ", transport_rows_.names(), ")"});
    const std::vector<std::string> names = dialects_of(endpoint, *row);
    for (const std::string& name : names)
        if (const DialectRow* dialect = dialect_rows_.find(name); !dialect)
            return wrong({"no dialect '", name, "' in ", whole, " (there are: ", dialect_rows_.names(), ")"});
        else if (dialect->over != row->carries)
            return wrong({"the dialect '", name, "' is not spoken over ", row->name, ", as in ", whole});
    if (names.empty())
        return wrong({whole, " names no dialect, and ", row->name, " has no usual one"});
    if (names.size() > 1 && row->carries == TransportRow::Carries::bytes)
        return wrong({"one dialect at a time over ", row->name, ", not all of ", whole});
    return done();
}

Status Agent::Impl::check(const Rules& rules) const
{
    for (const std::vector<std::string>* names : {&rules.allowed, &rules.blocked})
        for (const std::string& name : *names)
            if (!operations_.rows().find(name))
                return unknown_in_rule("a rule for operation '", name, operations_.rows().names());
    return done();
}

Status Agent::Impl::check(const Config& config) const
{
    for (const Endpoint& endpoint : config.listen)
        if (Status status = check(endpoint); !status)
            return status;
    for (const auto& [dialect, rules] : config.dialect_rules)
        if (!dialect_rows_.find(dialect))
            return unknown_in_rule("rules for dialect '", dialect, dialect_rows_.names());
    Status status = check(config.rules);
    for (const auto& [dialect, rules] : config.dialect_rules)
        if (status)
            status = check(rules);
    return status;
}

Status Agent::Impl::reload(Config fresh)
{
    if (Status status = check(fresh); !status)
        return status;
    fresh.listen = std::move(config_.listen);
    fresh.root = std::move(config_.root);
    fresh.qga.state_directory = std::move(config_.qga.state_directory);  // where a freeze of now is marked
    fresh.reap_strangers = config_.reap_strangers;
    fresh.plain_oom_score = config_.plain_oom_score;
    config_ = std::move(fresh);
    memory_.set_limit(config_.limits.buffered);
    jobs_.set_limit(config_.limits.runs);
    return done();
}

// A guest whose file systems are frozen and whose agent is gone has nobody left to thaw it. And our own end may wait for them,
// too: a socket's file has to go.
void Agent::Impl::drain(std::function<void()> done)
{
    constexpr std::chrono::seconds thawed_in{10};
    drained_ = std::move(done);
    if (operations_.guest().frozen.nothing())
        return drain_links();
    drain_ = timers_.after(thawed_in, std::bind_front(&Impl::drain_links, this));
    auto thaw = op::ask_thaw(operations_.guest(), context_, {}, [this](const auto&) { drain_links(); });
    if (thaw)
        thaw_ = std::move(*thaw);
}

void Agent::Impl::drain_links()
{
    thaw_.reset();
    listening_.clear();
    for (const std::unique_ptr<Link>& link : links_)
        link->end_if_idle();
    for (const std::unique_ptr<StoreLink>& store : stores_)
        store->end_when_idle();
    drain_ = timers_.after(nobody_there() ? std::chrono::milliseconds(0) : config_.limits.drain,
                           std::bind_front(&Impl::on_drain_step, this));
}

void Agent::Impl::on_drain_step()
{
    const std::chrono::seconds step(1);
    if (nobody_there() || ++drain_steps_ == 4) {
        if (drained_)
            std::exchange(drained_, nullptr)();
        return;
    }
    drain_ = timers_.after(step, std::bind_front(&Impl::on_drain_step, this));
    if (drain_steps_ < 3)
        jobs_.drain(drain_steps_ == 1 ? SIGTERM : SIGKILL);
}

void Agent::Impl::maybe_over()
{
    if (drained_ && nobody_there()) {
        drain_ = timers_.after(std::chrono::milliseconds(0), std::bind_front(&Impl::on_drain_step, this));
        return;
    }
    const bool all_over = std::all_of(listening_.begin(), listening_.end(), [](const Listening& one) { return one.over(); });
    if (nobody_there() && all_over && on_over)
        on_over();
}

}  // namespace bellhop
