// SPDX-License-Identifier: Apache-2.0
// What is due is called one by one, and the queue is asked anew each time: a call may drop any timer and make new ones. One that
// is due at once is not called in the same round as the call that made it, so that it cannot keep the loop to itself.
#include "io/timers.hpp"

#include <sys/timerfd.h>
#include <system_error>
#include <unistd.h>

namespace bellhop::io {

class LoopTimers::One final : public Timer {
public:
    One(LoopTimers& timers, std::chrono::steady_clock::time_point at, std::function<void()> call)
        : timers_(timers), place_(timers.queue_.emplace(at, this)), call_(std::move(call))
    {
    }
    ~One() override
    {
        if (call_)
            leave();
        timers_.arm();
    }
    void on_due()
    {
        leave();
        std::exchange(call_, nullptr)();  // moved out: the call may drop the Timer
    }

private:
    void leave() { timers_.queue_.erase(place_); }
    LoopTimers& timers_;
    Queue::iterator place_;
    std::function<void()> call_;  // none: it has come
};

LoopTimers::LoopTimers(asio::io_context& io)
    : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)), readiness_(io, fd_.get(), *this)
{
    if (!fd_)
        throw std::system_error(errno, std::system_category(), "timerfd_create");
}

std::chrono::steady_clock::time_point LoopTimers::now() const
{
    return std::chrono::steady_clock::now();
}

std::unique_ptr<Timer> LoopTimers::after(std::chrono::microseconds delay, std::function<void()> call)
{
    const bool first = queue_.empty();
    auto timer = std::make_unique<One>(*this, now() + delay, std::move(call));
    arm();
    if (first)
        wait();
    return timer;
}

void LoopTimers::arm()
{
    const auto earliest = queue_.empty() ? std::chrono::steady_clock::time_point() : queue_.begin()->first;
    if (earliest == std::exchange(armed_for_, earliest))
        return;
    const auto since_epoch = std::chrono::duration_cast<std::chrono::nanoseconds>(earliest.time_since_epoch()).count();
    itimerspec when{};
    when.it_value = {time_t(since_epoch / 1'000'000'000), long(since_epoch % 1'000'000'000)};  // zero: disarmed
    ::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void LoopTimers::wait()
{
    if (!std::exchange(waiting_, true))
        readiness_.wait_readable(&LoopTimers::on_expiry);
}

void LoopTimers::on_expiry()
{
    waiting_ = false;
    std::uint64_t count;
    [[maybe_unused]] const ssize_t n = ::read(fd_.get(), &count, sizeof count);
    armed_for_ = {};  // it has gone off, or there was no cause: set it again
    const auto due = now();
    wait();
    try {
        while (!queue_.empty() && queue_.begin()->first <= due)
            queue_.begin()->second->on_due();
    } catch (...) {
        arm();
        throw;
    }
    arm();
}

}  // namespace bellhop::io
