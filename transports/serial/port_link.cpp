// SPDX-License-Identifier: Apache-2.0
#include "transports/serial/port_link.hpp"

#include "os/errors.hpp"

#include <cerrno>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <utility>

namespace bellhop::transports {

Result<std::unique_ptr<PortLink>> PortLink::make(Fd port, Kind kind)
{
    Fd changes(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event wanted{};
    wanted.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    if (!changes || ::epoll_ctl(changes.get(), EPOLL_CTL_ADD, port.get(), &wanted) < 0)
        return os::failure("cannot wait for a serial port");
    return std::unique_ptr<PortLink>(new PortLink(std::move(port), std::move(changes), kind));
}

PortLink::~PortLink()
{
    if (kind_ == Kind::line)
        ::tcflush(port_.get(), TCOFLUSH);  // else close() waits up to 30 s for a host that takes nothing
    if (owner_)
        owner_->on_link_end();
}

// Before the port is asked: what changes after this is told again.
void PortLink::take_changes() const
{
    epoll_event change;
    if (::epoll_wait(changes_.get(), &change, 1, 0) == 1 && (change.events & EPOLLOUT))
        blocked_ = false;
}

std::size_t PortLink::read(Chunk chunk, std::error_code& ec)
{
    if (dry_)
        take_changes();
    ssize_t n;
    do
        n = ::read(port_.get(), chunk.data(), chunk.size());
    while (n < 0 && errno == EINTR);
    dry_ = n <= 0;
    if (n == 0 && kind_ == Kind::line)
        ec.assign(EIO, std::system_category());
    return outcome(n, ec);
}

std::size_t PortLink::write(ByteView bytes, More, std::error_code& ec)
{
    if (blocked_)
        take_changes();
    if (blocked_) {  // asked again now, a port without a host would have us spin
        ec.assign(EWOULDBLOCK, std::system_category());
        return 0;
    }
    ssize_t n;
    do
        n = ::write(port_.get(), bytes.data(), bytes.size());
    while (n < 0 && errno == EINTR);
    blocked_ = n < 0 && errno == EAGAIN;
    return outcome(n, ec);
}

std::size_t PortLink::outcome(ssize_t n, std::error_code& ec) const
{
    if (n >= 0)
        return std::size_t(n);
    ec.assign(errno, std::system_category());
    return 0;
}

bool PortLink::closes_cleanly() const
{
    int unsent = 0;
    return kind_ == Kind::virtio || ::ioctl(port_.get(), TIOCOUTQ, &unsent) < 0 || unsent == 0;
}

bool PortLink::hung_up() const
{
    take_changes();
    pollfd question{port_.get(), 0, 0};
    ::poll(&question, 1, 0);
    return question.revents & (POLLHUP | POLLERR | POLLNVAL);
}

}  // namespace bellhop::transports
