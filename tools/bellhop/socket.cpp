// SPDX-License-Identifier: Apache-2.0
// Plain system calls and poll(): a command has one socket and waits for one thing at a time, so a
// loop would only hide the order. The connect itself blocks, under a limit that the kernel keeps: a
// non-blocking connect to a UNIX socket with a full backlog fails instead of waiting. unix(7),
// vsock(7), and Firecracker's docs/vsock.md for the greeting of the hybrid kind.
#include "socket.hpp"

#include "failure.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace bellhop::tool {
namespace {

bool would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

bool hung_up(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN;
}

timeval timeval_of(std::chrono::milliseconds limit)
{
    const auto count = limit.count();
    return {time_t(count / 1000), suseconds_t(count % 1000 * 1000)};
}

// A non-blocking writer is told of room only when three quarters of the buffer have drained: a
// small buffer makes both ends take turns. Forcing needs CAP_NET_ADMIN; without it only slower.
void widen(int fd)
{
    const int size = 1 << 20;
    if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
        ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

int connect_again(int fd, const sockaddr* name, socklen_t size)
{
    int result;
    do
        result = ::connect(fd, name, size);
    while (result < 0 && errno == EINTR);
    return result;
}

}  // namespace

int Deadline::poll_timeout() const
{
    if (!at_)
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*at_ - std::chrono::steady_clock::now()).count();
    return int(std::clamp<decltype(left)>(left, 0, 1 << 30));
}

Socket::Socket(Address address, std::chrono::milliseconds connect_limit) : address_(std::move(address))
{
    const Deadline deadline(connect_limit);
    if (address_.kind == Address::Kind::vsock)
        connect_vsock(connect_limit);
    else
        connect_unix(connect_limit);
    widen(fd_.get());
    ::fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
    if (address_.kind == Address::Kind::hybrid)
        greet_hybrid(deadline);
}

void Socket::connect_unix(std::chrono::milliseconds limit)
{
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (address_.path.size() >= sizeof name.sun_path)
        throw Failure(Exit::usage, "the path of " + address_.text + " is too long for a UNIX socket (107 bytes at most)",
                      "change to its directory and give a relative path");
    std::memcpy(name.sun_path, address_.path.data(), address_.path.size());
    fd_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval wait = timeval_of(limit);
    if (!fd_ || ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0 ||
        connect_again(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) < 0)
        cannot_connect(errno);
}

void Socket::connect_vsock(std::chrono::milliseconds limit)
{
    sockaddr_vm name{};
    name.svm_family = AF_VSOCK;
    name.svm_cid = address_.cid;
    name.svm_port = address_.port;
    fd_ = Fd(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval wait = timeval_of(limit);
    if (!fd_ || ::setsockopt(fd_.get(), AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &wait, sizeof wait) < 0 ||
        connect_again(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) < 0)
        cannot_connect(errno);
}

void Socket::cannot_connect(int error)
{
    const std::string reason = std::strerror(error), &where = address_.text;
    if (error == EACCES || error == EPERM)
        throw Failure(Exit::unreachable, "may not connect to " + where + ": " + reason,
                      "try again as the owner of the socket, or as root");
    if (error == EAFNOSUPPORT)
        throw Failure(Exit::unreachable, "this host has no vsock: " + reason, "load the kernel module: modprobe vhost_vsock");
    const std::string cure = "is the guest up? try: bellhop --at " + where + " wait";
    if (would_block(error) || error == ETIMEDOUT)
        throw Failure(Exit::unreachable, where + " did not take the connection in time", cure);
    throw Failure(Exit::unreachable, "nobody listens on " + where + ": " + reason, cure);
}

// The VMM connects us to the guest's port and says so in one line, or hangs up when the guest does
// not listen.
void Socket::greet_hybrid(Deadline deadline)
{
    const std::string port = std::to_string(address_.port);
    const std::string greeting = "CONNECT " + port + "\n";
    std::string line;
    try {
        write(bytes_of(greeting), More::no, deadline);
        line = read_line(deadline);
    } catch (const Failure&) {  // silence
        cannot_connect(ETIMEDOUT);
    }
    if (!line.starts_with("OK"))
        throw Failure(Exit::unreachable, "nobody listens on port " + port + " of the guest behind " + address_.text,
                      "is the agent up? try: bellhop --at " + address_.text + " wait");
}

// Byte by byte: what follows the newline is the agent's, and belongs to whoever reads next.
std::string Socket::read_line(Deadline deadline)
{
    constexpr std::size_t longest = 256;
    std::string line;
    std::byte next;
    while (line.size() < longest && read({&next, 1}, deadline) == 1) {
        if (next == std::byte('\n'))
            return line;
        line += char(next);
    }
    return {};
}

std::size_t Socket::read(Chunk into, Deadline deadline)
{
    for (;;) {
        const ssize_t count = ::recv(fd_.get(), into.data(), into.size(), 0);
        if (count >= 0)
            return std::size_t(count);
        if (would_block(errno))
            wait_for(POLLIN, deadline);
        else if (hung_up(errno))
            return 0;
        else if (errno != EINTR)
            throw Failure(Exit::broken, "cannot read from " + address_.text + ": " + std::strerror(errno));
    }
}

std::size_t Socket::write(ByteView bytes, More more, Deadline deadline)
{
    const int flags = MSG_NOSIGNAL | (more == More::yes ? MSG_MORE : 0);
    std::size_t written = 0;
    while (written < bytes.size()) {
        const ssize_t count = ::send(fd_.get(), bytes.data() + written, bytes.size() - written, flags);
        if (count >= 0)
            written += std::size_t(count);
        else if (hung_up(errno) || (would_block(errno) && !wait_for_room(deadline)))
            break;
        else if (errno != EINTR && !would_block(errno))
            throw Failure(Exit::broken, "cannot write to " + address_.text + ": " + std::strerror(errno));
    }
    return written;
}

std::size_t Socket::send_file(int file, std::size_t count, Deadline deadline)
{
    for (;;) {
        const ssize_t sent = ::sendfile(fd_.get(), file, nullptr, count);
        if (sent > 0)
            return std::size_t(sent);
        if (sent == 0)
            throw Failure(Exit::failed, "it became shorter while it was sent");
        if (hung_up(errno) || (would_block(errno) && !wait_for_room(deadline)))
            return 0;
        if (errno != EINTR && !would_block(errno))
            throw Failure(Exit::failed, std::strerror(errno));
    }
}

bool Socket::wait_for_room(Deadline deadline)
{
    return !(wait_for(POLLIN | POLLOUT, deadline) & (POLLIN | POLLHUP));
}

short Socket::wait_for(short events, Deadline deadline)
{
    for (;;) {
        pollfd waiting{fd_.get(), events, 0};
        const int count = ::poll(&waiting, 1, deadline.poll_timeout());
        if (count > 0)
            return waiting.revents;
        if (count == 0)
            throw Failure(Exit::broken, "the agent at " + address_.text + " is silent", "--answer-timeout SECONDS waits longer");
        if (errno != EINTR)
            throw Failure(Exit::broken, std::string("poll: ") + std::strerror(errno));
    }
}

}  // namespace bellhop::tool
