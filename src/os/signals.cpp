// SPDX-License-Identifier: Apache-2.0
#include "os/signals.hpp"

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>

namespace bellhop::os {

struct Signals::State : std::enable_shared_from_this<State> {
    State(asio::io_context& io, std::function<void(int)> c) : set(io), call(std::move(c)) {}
    asio::basic_signal_set<asio::io_context::executor_type> set;
    std::function<void(int)> call;  // none: the owner has let go

    void wait() { set.async_wait(std::bind_front(&State::on_signal, shared_from_this())); }
    void on_signal(std::error_code ec, int number)
    {
        if (ec || !call)
            return;
        wait();
        const std::function<void(int)> copy = call;  // the owner may let go inside it
        copy(number);
    }
};

Signals::Signals(asio::io_context& io, std::initializer_list<int> numbers, std::function<void(int)> on_signal)
    : state_(std::make_shared<State>(io, std::move(on_signal)))
{
    for (int number : numbers)
        state_->set.add(number);
    state_->wait();
}

Signals::~Signals()
{
    state_->call = nullptr;
    state_->set.clear();
    state_->set.cancel();
}

}  // namespace bellhop::os
