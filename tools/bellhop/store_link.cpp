// SPDX-License-Identifier: Apache-2.0
// Xen's docs/misc/xenstore.txt, and Linux' xenbus_dev_frontend.c for the device: one message a write, header and payload in 4096
// bytes, never any sign of room to write, request numbers that old kernels make up. So one request is under way at a time, and
// the first message that is no event is its answer; that is right for the socket, too.
#include "store_link.hpp"

#include "failure.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace bellhop::tool {
namespace {

using namespace std::chrono_literals;
using xenstore::Type;

std::vector<std::string> usual_places()
{
    if (const char* path = std::getenv("XENSTORED_PATH"))
        return {path};
    if (const char* folder = std::getenv("XENSTORED_RUNDIR"))
        return {std::string(folder) + "/socket"};
    return {"/run/xenstored/socket", "/var/run/xenstored/socket", "/dev/xen/xenbus"};
}

bool is_device(const std::string& path)
{
    struct stat info;
    return ::stat(path.c_str(), &info) == 0 && S_ISCHR(info.st_mode);
}

Fd connected(const std::string& path, std::chrono::milliseconds limit)  // with errno when it is not
{
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path) {
        errno = ENAMETOOLONG;
        return {};
    }
    path.copy(name.sun_path, path.size());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto count = limit.count();
    const timeval wait{time_t(count / 1000), suseconds_t(count % 1000 * 1000)};  // of connect(2), where nobody accepts
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0)
        return {};
    while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) < 0)
        if (errno != EINTR)  // stopped and continued
            return {};
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    return fd;
}

Status status_of(Result<std::string> answer)
{
    return answer ? done() : Status(std::move(answer.error()));
}

}  // namespace

// Signals are taken from their own way only when it is reached: there is nothing to clean up before.
StoreLink::StoreLink(const std::string& path, std::chrono::milliseconds limit) : limit_(limit), fd_(reached(path)) {}

Fd StoreLink::reached(const std::string& path)
{
    int error = ENOENT;
    for (const std::string& place : path.empty() ? usual_places() : std::vector<std::string>{path}) {
        where_ = place;
        if (Fd fd = opened(place))
            return fd;
        error = errno == ENOENT ? error : errno;
        if (error != ENOENT)
            break;
    }
    if (error == EAGAIN)
        throw Failure(Exit::unreachable, "xenstored at " + where_ + " did not take the connection in time");
    throw Failure(Exit::unreachable, "cannot reach xenstored at " + where_ + ": " + std::strerror(error),
                  error == EACCES || error == EPERM ? "it answers root only"
                                                    : "is this the host (dom0)? xenstore:DOMID@PATH names another socket");
}

Fd StoreLink::opened(const std::string& path)
{
    device_ = is_device(path);
    longest_ = device_ ? xenstore::max_device_payload : xenstore::max_payload;
    return device_ ? Fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) : connected(path, limit_);
}

// ---- messages

void StoreLink::send(std::string_view message, Deadline deadline)
{
    while (!message.empty()) {
        const ssize_t count = device_ ? ::write(fd_.get(), message.data(), message.size())
                                      : ::send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL);
        if (count >= 0) {
            message.remove_prefix(std::size_t(count));
            continue;
        }
        if (errno == EPIPE || errno == ECONNRESET)
            return;  // what it said before it went is still to be read, and then its end
        pollfd room{fd_.get(), POLLOUT, 0};
        const bool full = errno == EAGAIN && !device_;
        if (errno != EINTR && !(full && ::poll(&room, 1, deadline.poll_timeout()) > 0))
            throw Failure(Exit::broken, "cannot write to xenstored at " + where_ + ": " + std::strerror(errno));
    }
}

bool StoreLink::fill(Deadline deadline)
{
    for (;;) {
        pollfd both[] = {{fd_.get(), POLLIN, 0}, {undisturbed_ ? -1 : interrupts_.descriptor(), POLLIN, 0}};
        const int count = ::poll(both, 2, deadline.poll_timeout());
        if (count == 0)
            return false;
        if (count > 0 && both[1].revents)
            interrupts_.raise();
        const ssize_t got = count < 0 ? -1 : ::read(fd_.get(), buffer_.data(), buffer_.size());
        if (got > 0) {
            unread_ = ByteView(buffer_).first(std::size_t(got));
            return true;
        }
        if (got == 0 || (errno != EINTR && errno != EAGAIN))
            throw Failure(Exit::broken, "xenstored at " + where_ + " hung up");
    }
}

std::optional<xenstore::Message> StoreLink::next()
{
    auto message = reader_.next(unread_);
    if (!message)
        throw Failure(Exit::broken, "what answers at " + where_ + " is no xenstored: " + message.error().text);
    if (*message && (*message)->type == Type::watch_event)
        ++events_;
    return *message;
}

Result<std::string> StoreLink::ask(Type type, std::initializer_list<std::string_view> words, std::string_view rest)
{
    const Result<std::string> text = xenstore::message({type, 1, 0}, words, rest, longest_);
    if (!text)
        return text.error();
    const Deadline deadline(limit_);
    send(*text, deadline);
    ++owed_;
    for (;;) {
        const auto message = next();
        if (!message) {
            if (!fill(deadline))
                throw Failure(Exit::broken, "xenstored at " + where_ + " is silent");
        } else if (message->type != Type::watch_event && --owed_ == 0) {
            if (message->type != Type::error)
                return std::string(message->payload);
            const std::string_view name = xenstore::first_word(message->payload);
            return Error{Error::Kind::failed, xenstore::code_of(name), "xenstored says " + std::string(name)};
        }
    }
}

void StoreLink::wait_for_event(Deadline deadline)
{
    while (events_ == 0)
        if (!next() && !fill(deadline))
            return;
    events_ = 0;
}

// ---- requests

Result<std::string> StoreLink::read(const std::string& path)
{
    return ask(Type::read, {path});
}

Status StoreLink::write(const std::string& path, std::string_view value)
{
    return status_of(ask(Type::write, {path}, value));
}

Status StoreLink::remove(const std::string& path)
{
    return status_of(ask(Type::remove, {path}));
}

Status StoreLink::watch(const std::string& path)
{
    return status_of(ask(Type::watch, {path, "bellhop"}));
}

bool StoreLink::introduced(int domain)
{
    const Result<std::string> answer = ask(Type::is_domain_introduced, {std::to_string(domain)});
    return !answer || answer->starts_with('T');  // who will not say is not asked
}

}  // namespace bellhop::tool
