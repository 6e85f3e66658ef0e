// SPDX-License-Identifier: Apache-2.0
// Where an exception out of a session stops. Whatever enters a session (bytes, a job's report, a timer, a store's answer) goes
// through the barrier of its link; the link then ends, and the loop never sees the exception.
//
// It also marks the turns: what a session sends between on_enter() and on_left() leaves together, so an answer of two sends is
// one packet. Turns may nest. A barrier never destroys its session inside enter(); it does so later, from the loop.
#pragma once
#include <exception>
#include <functional>
#include <utility>

namespace bellhop {

class Barrier {
public:
    virtual ~Barrier() = default;

    template <class Call, class... Args> bool enter(Call&& call, Args&&... args) noexcept  // false: it threw
    {
        on_enter();
        bool whole = true;
        try {
            std::invoke(std::forward<Call>(call), std::forward<Args>(args)...);
        } catch (...) {
            on_bug(std::current_exception());
            whole = false;
        }
        on_left();
        return whole;
    }

private:
    virtual void on_bug(std::exception_ptr) noexcept = 0;
    virtual void on_enter() noexcept {}
    virtual void on_left() noexcept {}
};

}  // namespace bellhop
