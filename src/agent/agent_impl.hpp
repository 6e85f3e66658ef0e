// SPDX-License-Identifier: Apache-2.0
// What an Agent is made of. agent.cpp has its tables, endpoints and links, stores.cpp its stores and when it is ready,
// changes.cpp what its configuration may say, its reload and its end.
#pragma once
#include "agent/link.hpp"
#include "agent/policy.hpp"
#include "agent/store_link.hpp"
#include "base/row_table.hpp"
#include "op/job_table.hpp"
#include "op/registry.hpp"
#include "os/children.hpp"

#include <bellhop/agent.hpp>
#include <bellhop/budget.hpp>

#include <list>
#include <map>
#include <new>
#include <sys/mman.h>

namespace bellhop {

class AgentBarrier final : public Barrier {  // for what belongs to no link: a dialect's own jobs
public:
    explicit AgentBarrier(Log& log) : log_(log) {}

private:
    void on_bug(std::exception_ptr bug) noexcept override;
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

class Agent::Impl final : private Link::Owner, private StoreLink::Owner {
public:
    Impl(asio::io_context& io, Config config, Log& log);
    Status add(TransportRow);
    Status add(DialectRow);
    Status add(OperationRow);
    Status start();
    Status check(const Config&) const;
    Status check(const Rules&) const;
    Status reload(Config);
    void drain(std::function<void()> done);
    void when_ready(std::function<void(Status)>);
    std::function<void()> on_rest, on_over;

private:
    class Listening;
    static std::vector<std::string> dialects_of(const Endpoint&, const TransportRow&);
    Status check(const Endpoint&) const;
    Status listen(const Endpoint&);
    void open_link(std::unique_ptr<ByteLink>, Peer, const std::string& dialect);
    void open_store(std::unique_ptr<Store>, Peer, const std::vector<std::string>& dialects);
    void on_gone(Link&, const io::Channel::Ending&) override;
    void on_gone(StoreLink&, std::exception_ptr bug) override;
    void on_standing() override;
    void on_ready(Status);
    std::size_t served() const { return links_.size() - refused_ + stores_.size(); }
    bool nobody_there() const { return links_.empty() && stores_.empty(); }
    void on_quiet() override;
    bool watched() const;
    void rest();
    void log_ending(const Peer&, const io::Channel::Ending&);
    void check_later();
    void on_check();
    void maybe_over();
    void drain_links();
    void on_drain_step();

    asio::io_context& io_;
    Config config_;
    Log& log_;
    // Two: a request is still being read while a file is copied. Not larger: a host that blocks in send() is told of room when
    // three quarters of its buffer are free, and what we take at once it waits for twice (put, measured: a tenth slower).
    Pages link_pages_{64 << 10}, source_pages_{64 << 10};
    io::LoopTimers timers_{io_};
    ConfiguredPolicy policy_{config_};
    AgentBarrier barrier_{log_};
    Budget memory_;
    op::JobTable jobs_;
    os::Children children_;
    op::AgentFacts facts_;
    RowTable<TransportRow> transport_rows_;
    RowTable<DialectRow> dialect_rows_;
    op::Registry operations_;
    Context context_{{"agent", "the agent", {}, {}, {}}, "", operations_, timers_, barrier_, memory_};
    std::map<std::string, std::unique_ptr<Dialect>> dialects_;
    std::list<std::unique_ptr<Link>> links_;
    std::size_t refused_ = 0;  // of links_: hear why, and go
    std::list<std::unique_ptr<StoreLink>> stores_;
    std::size_t not_standing_ = 0;  // endpoints whose store has not answered yet
    std::function<void(Status)> ready_call_;
    std::unique_ptr<Timer> not_ready_;
    std::list<Listening> listening_;
    std::unique_ptr<Timer> check_;
    bool started_ = false;
    std::function<void()> drained_;
    int drain_steps_ = 0;
    std::unique_ptr<Timer> drain_;
    std::unique_ptr<Lease> thaw_;  // before it drains
};

class Agent::Impl::Listening final : private LinkSink {
public:
    Listening(Impl& agent, std::vector<std::string> dialects, std::unique_ptr<Transport> transport)
        : agent_(agent), dialects_(std::move(dialects)), transport_(std::move(transport))
    {
    }
    Status start() { return transport_->start(*this); }
    bool over() const { return over_; }

private:
    void on_link(std::unique_ptr<ByteLink> link, Peer peer) override
    {
        agent_.barrier_.enter(&Impl::open_link, agent_, std::move(link), std::move(peer), dialects_.front());
    }
    void on_store(std::unique_ptr<Store> store, Peer peer) override
    {
        agent_.barrier_.enter(&Impl::open_store, agent_, std::move(store), std::move(peer), dialects_);
    }
    void on_trouble(const Error& error) override { agent_.log_.write(Log::Level::warning, error.text); }
    void on_over() override
    {
        over_ = true;
        agent_.maybe_over();
    }
    Impl& agent_;
    const std::vector<std::string> dialects_;
    std::unique_ptr<Transport> transport_;
    bool over_ = false;
};

}  // namespace bellhop
