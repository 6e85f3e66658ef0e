// SPDX-License-Identifier: Apache-2.0
// inetd hands the same socket to 0, 1 and 2. It is moved out of the way, so that our children's and our own standard
// descriptors are not the peer's: what we log must not reach it. The numbers that were it become /dev/null.
#include "transports/fd/fd.hpp"

#include "io/listener.hpp"
#include "io/socket_link.hpp"
#include "io/socket_peer.hpp"
#include "os/errors.hpp"
#include "os/readiness.hpp"

#include <charconv>
#include <fcntl.h>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop::transports {
namespace {

int option_of(int socket, int name)  // -1: it is no socket
{
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

bool same_file(int a, int b)
{
    struct stat one, other;
    return ::fstat(a, &one) == 0 && ::fstat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

Fd moved_away(int number)
{
    Fd ours(::fcntl(number, F_DUPFD_CLOEXEC, 3));
    const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (int standard : {0, 1, 2})
        if (ours && nothing && same_file(standard, ours.get()))
            ::dup2(nothing.get(), standard);
    if (number > 2)
        ::close(number);
    return ours;
}

class Inherited final : public Transport, private io::Listener::Owner {
public:
    Inherited(asio::io_context& io, Timers& timers, std::string number)
        : io_(io), timers_(timers), number_(std::move(number)), later_(io, -1, *this)
    {
    }
    Status start(LinkSink&) override;

private:
    Peer peer_of(int socket) const;
    void on_accepted(Fd socket) override;
    void on_connected();

    asio::io_context& io_;
    Timers& timers_;
    std::string number_;
    LinkSink* links_ = nullptr;
    int family_ = AF_UNSPEC;
    Fd connected_;
    std::optional<io::Listener> listener_;
    os::Readiness<Inherited> later_;
};

Status Inherited::start(LinkSink& links)
{
    links_ = &links;
    int number = -1;
    const auto [end, ec] = std::from_chars(number_.data(), number_.data() + number_.size(), number);
    if (ec != std::errc() || end != number_.data() + number_.size() || number < 0)
        return Error{Error::Kind::bad_request, {}, "fd:" + number_ + " names no descriptor"};
    family_ = option_of(number, SO_DOMAIN);
    if (option_of(number, SO_TYPE) != SOCK_STREAM)
        return Error{Error::Kind::not_found, {}, "descriptor " + number_ + " is not a stream socket that we inherited"};
    const bool listens = option_of(number, SO_ACCEPTCONN) == 1;
    Fd socket = moved_away(number);
    if (!socket || ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK) < 0)
        return os::failure("cannot use descriptor " + number_);
    if (listens)
        listener_.emplace(io_, timers_, std::move(socket), static_cast<io::Listener::Owner&>(*this));
    else {
        connected_ = std::move(socket);
        later_.post(&Inherited::on_connected);  // links come from the loop
    }
    return done();
}

Peer Inherited::peer_of(int socket) const
{
    Peer peer{"fd", "fd " + number_, {}, {}, {}};
    if (family_ == AF_UNIX)
        peer = io::unix_peer(socket);
    else if (family_ == AF_VSOCK)
        peer = io::vsock_peer(socket);
    peer.transport = "fd";
    return peer;
}

void Inherited::on_accepted(Fd socket)
{
    using Family = io::SocketLink::Family;
    Peer peer = peer_of(socket.get());
    links_->on_link(std::make_unique<io::SocketLink>(std::move(socket), family_ == AF_UNIX ? Family::local : Family::other),
                    std::move(peer));
}

void Inherited::on_connected()
{
    on_accepted(std::move(connected_));
    links_->on_over();
}

}  // namespace

std::unique_ptr<Transport> make_fd(asio::io_context& io, Timers& timers, std::string number)
{
    return std::make_unique<Inherited>(io, timers, std::move(number));
}

}  // namespace bellhop::transports
