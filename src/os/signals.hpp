// SPDX-License-Identifier: Apache-2.0
// Signals as calls from the loop, again and again until the Signals is destroyed; then they have their old handling back.
// On top of asio::signal_set, so that an embedder's own signal_set for the same signal is told as well. signal(7).
#pragma once
#include <functional>
#include <initializer_list>
#include <memory>

namespace asio {
class io_context;
}

namespace bellhop::os {

class Signals {
public:
    Signals(asio::io_context&, std::initializer_list<int> numbers, std::function<void(int)> on_signal);
    Signals(const Signals&) = delete;
    ~Signals();

private:
    struct State;
    std::shared_ptr<State> state_;  // a signal may already be in the loop's queue when the owner lets go
};

}  // namespace bellhop::os
