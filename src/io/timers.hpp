// SPDX-License-Identifier: Apache-2.0
// Timers on an io_context, and the view of them that a session gets: its calls pass the link's barrier.
//
// One timerfd for all of them, set to the earliest and disarmed with the last: asio::steady_timer leaves its own armed when a
// timer is cancelled, and an idle agent would wake up once for a time limit that is long gone. timerfd_create(2).
#pragma once
#include "os/readiness.hpp"

#include <bellhop/barrier.hpp>
#include <bellhop/fd.hpp>
#include <bellhop/timers.hpp>

#include <functional>
#include <map>

namespace bellhop::io {

class LoopTimers final : public Timers {
public:
    explicit LoopTimers(asio::io_context&);  // outlives its Timers
    std::chrono::steady_clock::time_point now() const override;
    std::unique_ptr<Timer> after(std::chrono::microseconds, std::function<void()>) override;

private:
    class One;
    using Queue = std::multimap<std::chrono::steady_clock::time_point, One*>;
    void arm();
    void wait();
    void on_expiry();

    Fd fd_;
    std::chrono::steady_clock::time_point armed_for_{};  // the epoch: for nothing
    bool waiting_ = false;
    Queue queue_;
    os::Readiness<LoopTimers> readiness_;
};

class GuardedTimers final : public Timers {
public:
    GuardedTimers(Timers& timers, Barrier& barrier) : timers_(timers), barrier_(barrier) {}
    std::chrono::steady_clock::time_point now() const override { return timers_.now(); }
    std::unique_ptr<Timer> after(std::chrono::microseconds delay, std::function<void()> call) override
    {
        return timers_.after(delay, std::bind_front(&GuardedTimers::enter, &barrier_, std::move(call)));
    }

private:
    static void enter(Barrier* barrier, const std::function<void()>& call) { barrier->enter(call); }
    Timers& timers_;
    Barrier& barrier_;
};

}  // namespace bellhop::io
