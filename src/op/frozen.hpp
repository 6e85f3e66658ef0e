// SPDX-License-Identifier: Apache-2.0
// What all operations of one agent have to know about frozen file systems: whoever writes to one sleeps until the thaw, and that
// must not be the loop.
#pragma once
#include <bellhop/op/freeze.hpp>

#include <cstddef>
#include <functional>
#include <utility>

namespace bellhop::op {

class Frozen {
public:
    using State = FreezeState::State;

    State state() const { return state_; }
    bool nothing() const { return state_ == State::thawed; }
    void set(State state)
    {
        const bool before = nothing();
        state_ = state;
        if (before != nothing() && on_change)
            on_change(!nothing());
    }
    std::function<void(bool frozen)> on_change;
    std::function<void()> cut_short;  // while it is freezing

    // An operation that holds a file open for writing, on the loop: nothing is frozen meanwhile.
    class Writer {
    public:
        explicit Writer(Frozen& frozen) : frozen_(frozen) { ++frozen_.writers_; }
        Writer(const Writer&) = delete;
        ~Writer() { --frozen_.writers_; }

    private:
        Frozen& frozen_;
    };
    bool written_to() const { return writers_ > 0; }

    // A thaw that has begun: until it is over it would undo a freeze that begins.
    class Thawing {
    public:
        explicit Thawing(Frozen& frozen) : frozen_(frozen) { ++frozen_.thaws_; }
        Thawing(const Thawing&) = delete;
        ~Thawing() { --frozen_.thaws_; }

    private:
        Frozen& frozen_;
    };
    bool being_thawed() const { return thaws_ > 0; }

private:
    State state_ = State::thawed;
    std::size_t writers_ = 0, thaws_ = 0;
};

}  // namespace bellhop::op
