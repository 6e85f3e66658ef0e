// SPDX-License-Identifier: Apache-2.0
// One-shot timers of the loop (CLOCK_MONOTONIC). Dropping the Timer cancels it, also from inside its own call; the call comes
// from the loop, never from inside after(). Tests advance a fake by hand.
#pragma once
#include <chrono>
#include <functional>
#include <memory>

namespace bellhop {

class Timer {
public:
    virtual ~Timer() = default;
};

class Timers {
public:
    virtual ~Timers() = default;
    virtual std::chrono::steady_clock::time_point now() const = 0;
    [[nodiscard]] virtual std::unique_ptr<Timer> after(std::chrono::microseconds, std::function<void()>) = 0;
};

}  // namespace bellhop
