// SPDX-License-Identifier: Apache-2.0
// Wires links to dialects. What has to be looked at now and then (peers that keep us waiting) is looked at by one timer for all
// links, which runs only while there are any: a short conversation is over before it costs a timer, and an idle agent sleeps.
#include "agent/link.hpp"
#include "agent/policy.hpp"
#include "agent/version.hpp"
#include "base/endpoint.hpp"
#include "base/row_table.hpp"
#include "dialect/registry.hpp"
#include "op/job_table.hpp"
#include "op/registry.hpp"
#include "os/children.hpp"
#include "os/memory.hpp"
#include "transports/registry.hpp"

#include <bellhop/agent.hpp>
#include <bellhop/budget.hpp>

#include <algorithm>
#include <csignal>
#include <list>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

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
    return {Error::Kind::bad_request, {}, "'" + std::string(name) + "' comes too late: the agent has started"};
}

class AgentBarrier final : public Barrier {  // for what belongs to no link: a dialect's own jobs
public:
    explicit AgentBarrier(Log& log) : log_(log) {}

private:
    void on_bug(std::exception_ptr bug) noexcept override
    {
        try {
            log_.write(Log::Level::error, "a bug: " + what_of(bug));
        } catch (...) {  // no memory for a line
        }
    }
    Log& log_;
};

// Memory that readers share. It is used in bursts, so an idle agent gives its pages back.
class Pages {
public:
    explicit Pages(std::size_t size)
        : size_(size), memory_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
    {
        if (memory_ == MAP_FAILED)
            throw std::bad_alloc();
    }
    Pages(const Pages&) = delete;
    ~Pages() { ::munmap(memory_, size_); }
    Chunk chunk() const { return {static_cast<std::byte*>(memory_), size_}; }
    void give_back() { ::madvise(memory_, size_, MADV_DONTNEED); }

private:
    std::size_t size_;
    void* memory_;
};

}  // namespace

class Agent::Impl final : private Link::Owner {
public:
    Impl(asio::io_context& io, Config config, Log& log);
    Status add(TransportRow);
    Status add(DialectRow);
    Status add(OperationRow);
    Status start();
    Status reload(Config);
    void drain(std::function<void()> done);
    std::function<void()> on_over;

private:
    class Listening;
    Result<Dialect*> dialect(const std::string& name);
    Status listen(const Endpoint&);
    void open_link(std::unique_ptr<ByteLink>, Peer, const std::string& dialect);
    void on_gone(Link&, const io::Channel::Ending&) override;
    void log_ending(const Peer&, const io::Channel::Ending&);
    void check_later();
    void on_check();
    void maybe_over();
    Status check_rules(const Config&);
    void on_drain_step();

    asio::io_context& io_;
    Config config_;
    Log& log_;
    // Two: a request is still being read while a file is copied. What is read is worth many frames of a put at once.
    Pages link_pages_{128 << 10}, source_pages_{64 << 10};
    io::LoopTimers timers_{io_};
    ConfiguredPolicy policy_{config_};
    AgentBarrier barrier_{log_};
    Budget memory_;
    op::JobTable jobs_;
    os::Children children_;
    op::AgentFacts facts_;
    RowTable<TransportRow> transport_rows_{transports::rows()};
    RowTable<DialectRow> dialect_rows_{dialects::rows()};
    op::Registry operations_;
    Context context_{{"agent", "the agent", {}, {}, {}}, "", operations_, timers_, barrier_, memory_};
    std::map<std::string, std::unique_ptr<Dialect>> dialects_;
    std::list<std::unique_ptr<Link>> links_;
    std::size_t refused_ = 0;  // of links_: hear why, and go
    std::list<Listening> listening_;
    std::unique_ptr<Timer> check_;
    bool started_ = false;
    std::function<void()> drained_;
    int drain_steps_ = 0;
    std::unique_ptr<Timer> drain_;
};

class Agent::Impl::Listening final : private LinkSink {
public:
    Listening(Impl& agent, std::string dialect, std::unique_ptr<Transport> transport)
        : agent_(agent), dialect_(std::move(dialect)), transport_(std::move(transport))
    {
    }
    Status start() { return transport_->start(*this); }
    bool over() const { return over_; }

private:
    void on_link(std::unique_ptr<ByteLink> link, Peer peer) override
    {
        agent_.barrier_.enter(&Impl::open_link, agent_, std::move(link), std::move(peer), dialect_);
    }
    void on_over() override
    {
        over_ = true;
        agent_.maybe_over();
    }
    Impl& agent_;
    std::string dialect_;
    std::unique_ptr<Transport> transport_;
    bool over_ = false;
};

Agent::Impl::Impl(asio::io_context& io, Config config, Log& log)
    : io_(io), config_(std::move(config)), log_(log), memory_(config_.limits.buffered), jobs_(timers_, config_.limits.runs),
      children_(io), facts_{version, config_},
      operations_({io, source_pages_.chunk(), timers_, jobs_, children_, facts_}, policy_)
{
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
    if (Status status = check_rules(config_); !status)
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
    const TransportRow* row = transport_rows_.find(endpoint.transport);
    if (!row)
        return Error{Error::Kind::unsupported,
                     {},
                     "no transport '" + endpoint.transport + "' in " + text_of(endpoint) +
                         " (there are: " + transport_rows_.names() + ")"};
    const std::string& name = endpoint.dialect.empty() ? row->usual_dialect : endpoint.dialect;
    if (Result<Dialect*> language = dialect(name); !language)
        return std::move(language.error());
    listening_.emplace_back(*this, name, row->make(io_, timers_, endpoint.address));
    Status status = listening_.back().start();
    if (status)
        log_.write(Log::Level::info, "listening on " + endpoint.transport + ":" + endpoint.address + "=" + name);
    else
        listening_.pop_back();
    return status;
}

Result<Dialect*> Agent::Impl::dialect(const std::string& name)
{
    std::unique_ptr<Dialect>& place = dialects_[name];
    if (!place) {
        const DialectRow* row = dialect_rows_.find(name);
        if (!row)
            return Error{Error::Kind::unsupported, {}, "no dialect '" + name + "' (there are: " + dialect_rows_.names() + ")"};
        place = row->make(config_, context_);
    }
    return place.get();
}

void Agent::Impl::open_link(std::unique_ptr<ByteLink> bytes, Peer peer, const std::string& name)
{
    if (Status admitted = policy_.admit(peer); !admitted)
        return log_.write(Log::Level::warning, "refused: " + admitted.error().text);
    const bool over_limit = links_.size() - refused_ >= config_.limits.connections;
    if (over_limit && refused_ >= config_.limits.connections)
        return log_.write(Log::Level::debug, "too many connections even to refuse " + peer.name);
    Context context{std::move(peer), name, operations_, timers_, barrier_, memory_};
    Link& link = *links_.emplace_back(std::make_unique<Link>(io_, timers_, link_pages_.chunk(), std::move(bytes),
                                                             std::move(context), static_cast<Link::Owner&>(*this)));
    if (over_limit) {
        ++refused_;
        const std::string why = "the guest serves " + std::to_string(config_.limits.connections) + " connections already";
        log_.write(Log::Level::warning, "refused " + link.peer().name + ": " + why);
        link.refuse(dialects_[name]->refusal({Error::Kind::busy, {}, why}));
    } else
        link.start(*dialects_[name]);
    if (!links_.empty() && !check_)
        check_later();
}

void Agent::Impl::on_gone(Link& link, const io::Channel::Ending& ending)
{
    log_ending(link.peer(), ending);
    refused_ -= link.refused() ? 1 : 0;
    std::erase_if(links_, [&link](const auto& other) { return other.get() == &link; });
    if (!links_.empty())
        return;
    if (check_) {  // it was not a short conversation only
        check_.reset();
        link_pages_.give_back();
        source_pages_.give_back();
        os::give_back_free_memory();
    }
    maybe_over();
}

void Agent::Impl::log_ending(const Peer& peer, const io::Channel::Ending& ending)
{
    if (ending.bug)
        log_.write(Log::Level::error, "a bug in a session of " + peer.name + ": " + what_of(ending.bug));
    else if (ending.reason && log_.wants(Log::Level::debug))
        log_.write(Log::Level::debug, peer.name + ": " + ending.reason->text);
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

// ---- changes, and the end

Status Agent::Impl::check_rules(const Config& config)
{
    const auto known = operations_.list(context_);
    const auto unknown = [&](const std::string& name) {
        return std::none_of(known.begin(), known.end(), [&](const auto& one) { return one.info->name == name; });
    };
    std::vector<Rules> all{config.rules};
    for (const auto& [dialect, rules] : config.dialect_rules) {
        if (!dialect_rows_.find(dialect))
            return Error{Error::Kind::bad_request,
                         {},
                         "rules for dialect '" + dialect + "', which there is not (there are: " + dialect_rows_.names() + ")"};
        all.push_back(rules);
    }
    for (const Rules& rules : all)
        for (const std::vector<std::string>& names : {rules.allowed, rules.blocked})
            if (const auto at = std::find_if(names.begin(), names.end(), unknown); at != names.end())
                return Error{Error::Kind::bad_request, {}, "a rule for operation '" + *at + "', which there is not"};
    return done();
}

Status Agent::Impl::reload(Config fresh)
{
    if (Status status = check_rules(fresh); !status)
        return status;
    fresh.listen = std::move(config_.listen);
    fresh.root = std::move(config_.root);
    fresh.reap_strangers = config_.reap_strangers;
    fresh.plain_oom_score = config_.plain_oom_score;
    config_ = std::move(fresh);
    memory_.set_limit(config_.limits.buffered);
    jobs_.set_limit(config_.limits.runs);
    return done();
}

void Agent::Impl::drain(std::function<void()> done)
{
    drained_ = std::move(done);
    listening_.clear();
    for (const std::unique_ptr<Link>& link : links_)
        link->end_if_idle();
    drain_ = timers_.after(links_.empty() ? std::chrono::milliseconds(0) : config_.limits.drain,
                           std::bind_front(&Impl::on_drain_step, this));
}

void Agent::Impl::on_drain_step()
{
    const std::chrono::seconds step(1);
    if (links_.empty() || ++drain_steps_ == 4) {
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
    if (drained_ && links_.empty()) {
        drain_ = timers_.after(std::chrono::milliseconds(0), std::bind_front(&Impl::on_drain_step, this));
        return;
    }
    const bool all_over = std::all_of(listening_.begin(), listening_.end(), [](const Listening& one) { return one.over(); });
    if (links_.empty() && all_over && on_over)
        on_over();
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
Status Agent::reload(Config config)
{
    return impl_->reload(std::move(config));
}
void Agent::drain(std::function<void()> done)
{
    impl_->drain(std::move(done));
}
void Agent::on_over(std::function<void()> call)
{
    impl_->on_over = std::move(call);
}

}  // namespace bellhop
