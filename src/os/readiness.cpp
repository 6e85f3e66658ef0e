// SPDX-License-Identifier: Apache-2.0
// A descriptor's wait is Asio's; its handler keeps the state alive and finds no owner in it when that is gone.
#include "os/readiness.hpp"

#include <asio/basic_waitable_timer.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <system_error>

namespace bellhop::os {
namespace {

// asio::steady_timer's executor is of any type, and has the code for that
using Clock = std::chrono::steady_clock;
using LoopTimer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, asio::io_context::executor_type>;

}  // namespace

struct AnyReadiness::State {
    State(asio::io_context& i, int f, void* o, Call c) : io(i), fd(f), owner(o), call(c) {}
    asio::io_context& io;
    int fd;
    void* owner;
    Call call;
    std::optional<asio::posix::basic_stream_descriptor<asio::io_context::executor_type>> descriptor;

    void deliver(AnyHandler handler, std::error_code ec)
    {
        if (!ec && owner)
            call(owner, handler);
    }
};

AnyReadiness::AnyReadiness(asio::io_context& io, int fd, void* owner, Call call)
    : state_(std::make_shared<State>(io, fd, owner, call))
{
}

AnyReadiness::~AnyReadiness()
{
    state_->owner = nullptr;
    if (state_->descriptor)
        state_->descriptor->release();
}

void AnyReadiness::forget()
{
    if (state_->descriptor)
        state_->descriptor->release();
    state_->descriptor.reset();
}

void AnyReadiness::post(AnyHandler handler)
{
    asio::post(state_->io, std::bind_front(&State::deliver, state_, handler, std::error_code()));
}

void AnyReadiness::wait(What what, AnyHandler handler)
{
    auto answer = std::bind_front(&State::deliver, state_, handler);
    if (!state_->descriptor) {
        std::error_code ec;
        state_->descriptor.emplace(state_->io);
        state_->descriptor->assign(state_->fd, ec);
        if (ec) {
            state_->descriptor.reset();
            // The kernel had no memory for one more watch. The timer lives in its own handler.
            const auto retry = std::make_shared<LoopTimer>(state_->io, std::chrono::milliseconds(100));
            return retry->async_wait([retry, answer = std::move(answer)](std::error_code) mutable { answer(std::error_code()); });
        }
    }
    using Kind = asio::posix::descriptor_base;
    const auto kind = what == What::readable ? Kind::wait_read : what == What::writable ? Kind::wait_write : Kind::wait_error;
    state_->descriptor->async_wait(kind, std::move(answer));
}

}  // namespace bellhop::os
