// SPDX-License-Identifier: Apache-2.0
// accept4() by hand rather than asio::acceptor: the descriptor goes to a ByteLink, and Asio would register it at once.
// One connection a turn, and the wait is renewed before it is handed on: the conversation may be over before we are back.
#include "io/listener.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace bellhop::io {
namespace {

constexpr std::chrono::milliseconds rest{100};

// Anything else would be said again at once: no descriptors, no memory, a socket that somebody has shut down.
bool may_go_on(int error)
{
    return error == EAGAIN || error == EINTR || error == ECONNABORTED;
}

}  // namespace

Listener::Listener(asio::io_context& io, Timers& timers, Fd socket, Owner& owner)
    : timers_(timers), socket_(std::move(socket)), owner_(owner), readiness_(io, socket_.get(), *this)
{
    accept_next();
}

void Listener::on_readable()
{
    Fd peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer && !may_go_on(errno)) {
        rest_ = timers_.after(rest, std::bind_front(&Listener::on_rested, this));
        return;
    }
    accept_next();
    if (peer)
        owner_.on_accepted(std::move(peer));
}

void Listener::on_rested()
{
    rest_.reset();
    accept_next();
}

}  // namespace bellhop::io
