// SPDX-License-Identifier: Apache-2.0
// Waits for one descriptor on behalf of one owner, and forgets the owner when it is destroyed.
//
// The only place where Asio may call after its owner has let go: a completed wait may already sit in Asio's queue when the
// owner dies, so the handler carries a shared state and asks it whether anyone is left. Owners bind plain members and need
// neither shared_from_this nor a look at operation_aborted. The descriptor stays the owner's; declare the Readiness after it.
// It is registered with epoll(7) at the first wait only: a short conversation is over before it has to wait at all. From then
// on Asio leaves it there, edge-triggered: each write into a pipe wakes the loop, also while nobody waits. forget() ends that.
//
// Every readiness is a hint: Asio hands the state of a descriptor just forgotten, with an event still queued for it, to the next
// one registered, so a wait may complete without cause. Ask the kernel again.
#pragma once
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>

namespace bellhop::os {

template <class Owner> class Readiness {
public:
    using Handler = void (Owner::*)();

    Readiness(asio::io_context& io, int fd, Owner& owner) : state_(std::make_shared<State>(io, fd, &owner)) {}
    Readiness(const Readiness&) = delete;
    ~Readiness()
    {
        state_->owner = nullptr;
        if (state_->descriptor)
            state_->descriptor->release();
    }

    void wait_readable(Handler handler) { wait(asio::posix::descriptor_base::wait_read, handler); }
    void wait_writable(Handler handler) { wait(asio::posix::descriptor_base::wait_write, handler); }
    void wait_hang_up(Handler handler) { wait(asio::posix::descriptor_base::wait_error, handler); }
    void forget()  // until the next wait; not during one
    {
        if (state_->descriptor)
            state_->descriptor->release();
        state_->descriptor.reset();
    }
    void post(Handler handler)  // from the loop, after the current handler
    {
        asio::post(state_->io, std::bind_front(&State::deliver, state_, handler, std::error_code()));
    }

private:
    struct State {
        State(asio::io_context& i, int f, Owner* o) : io(i), fd(f), owner(o) {}
        asio::io_context& io;
        int fd;
        Owner* owner;
        std::optional<asio::posix::basic_stream_descriptor<asio::io_context::executor_type>> descriptor;

        void deliver(Handler handler, std::error_code ec)
        {
            if (!ec && owner)
                (owner->*handler)();
        }
    };

    void wait(asio::posix::descriptor_base::wait_type what, Handler handler)
    {
        auto answer = std::bind_front(&State::deliver, state_, handler);
        if (!state_->descriptor) {
            std::error_code ec;
            state_->descriptor.emplace(state_->io);
            state_->descriptor->assign(state_->fd, ec);
            if (ec) {
                state_->descriptor.reset();
                // The kernel had no memory for one more watch. The timer lives in its own handler.
                const auto retry = std::make_shared<asio::steady_timer>(state_->io, std::chrono::milliseconds(100));
                return retry->async_wait(
                    [retry, answer = std::move(answer)](std::error_code) mutable { answer(std::error_code()); });
            }
        }
        state_->descriptor->async_wait(what, std::move(answer));
    }

    std::shared_ptr<State> state_;
};

}  // namespace bellhop::os
