// SPDX-License-Identifier: Apache-2.0
// Nothing here relies on a pipe being non-blocking (Asio makes it so at the first wait): we read no more than FIONREAD reported,
// and splice() takes SPLICE_F_NONBLOCK for the pipe's side (the socket's side is its own O_NONBLOCK). A file that shrinks under
// us moves 0 bytes without an error: a broken promise, and the link ends. pipe(7), splice(2).
#include "os/source.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace bellhop::os {
namespace {

// A child that has filled half of its pipe is worth a larger one: one full chunk of frames per wakeup instead of sixteen
// wakeups. Over the user's allowance it stays at 64 KiB, which is only slower.
constexpr std::size_t worth_growing = 32 << 10;

bool refused(const std::error_code& ec)
{
    return ec == std::errc::operation_not_supported || ec == std::errc::invalid_argument;
}

std::size_t count_in(int pipe)
{
    int count = 0;
    ::ioctl(pipe, FIONREAD, &count);
    return std::size_t(count);
}

bool has_writer(int pipe)
{
    pollfd question{pipe, 0, 0};
    ::poll(&question, 1, 0);
    return !(question.revents & POLLHUP);
}

}  // namespace

void PipeSource::look(Ask ask)
{
    std::size_t count = count_in(pipe_.get());
    if (count >= worth_growing && !std::exchange(grown_, true))
        roomy_ = ::fcntl(pipe_.get(), F_SETPIPE_SZ, int(grown_size)) >= int(grown_size);
    if (count == 0 || ask == Ask::end_too) {
        complete_ = !has_writer(pipe_.get());
        count = count_in(pipe_.get());  // again: the last bytes may have come between the two calls
    }
    ready_ = count + left_.size();
}

ByteView PipeSource::take(std::size_t most)
{
    assert(promised_ == 0);
    const ssize_t n = ::read(pipe_.get(), chunk_.data(), std::min({most, ready_, chunk_.size()}));
    if (n <= 0)
        return {};
    ready_ -= std::size_t(n);
    on_spoken_for(std::size_t(n));
    return chunk_.first(std::size_t(n));
}

void PipeSource::promise(std::size_t count)
{
    assert(count <= available());
    promised_ += count;
    on_spoken_for(count);
}

std::size_t PipeSource::move_to(ByteLink& link, std::size_t most, ByteLink::More more, std::error_code& ec)
{
    std::size_t n = left_.empty() ? link.splice(pipe_.get(), most, more, ec) : 0;
    if (!left_.empty() || refused(ec)) {
        ec.clear();
        n = copy_to(link, most, more, ec);
    }
    promised_ -= n;
    ready_ -= n;
    if (n > 0 && promised_ == 0)
        on_moved();
    return n;
}

std::size_t PipeSource::copy_to(ByteLink& link, std::size_t most, ByteLink::More more, std::error_code& ec)
{
    if (left_.empty()) {
        const ssize_t n = ::read(pipe_.get(), chunk_.data(), std::min(most, chunk_.size()));
        left_.assign(chunk_.data(), chunk_.data() + std::max<ssize_t>(n, 0));
    }
    const std::size_t sent = link.write(ByteView(left_).first(std::min(most, left_.size())), more, ec);
    left_.erase(left_.begin(), left_.begin() + std::ptrdiff_t(sent));
    return sent;
}

ByteView FileSource::take(std::size_t most)
{
    assert(promised_to_ == at_);
    const ssize_t n = ::pread(file_.get(), chunk_.data(), std::min({most, available(), chunk_.size()}), off_t(at_));
    at_ += std::uint64_t(std::max<ssize_t>(n, 0));
    promised_to_ = at_;
    return chunk_.first(std::size_t(std::max<ssize_t>(n, 0)));
}

void FileSource::promise(std::size_t count)
{
    assert(count <= available());
    promised_to_ += count;
}

std::size_t FileSource::move_to(ByteLink& link, std::size_t most, ByteLink::More more, std::error_code& ec)
{
    std::size_t n = link.send_file(file_.get(), at_, most, more, ec);
    if (refused(ec)) {
        ec.clear();
        n = copy_to(link, most, more, ec);
    }
    if (ec == std::errc::io_error)  // the disk's, not the link's: what was promised is not to be had
        ec.clear();
    at_ += n;
    return n;
}

std::size_t FileSource::copy_to(ByteLink& link, std::size_t most, ByteLink::More more, std::error_code& ec)
{
    const ssize_t n = ::pread(file_.get(), chunk_.data(), std::min(most, chunk_.size()), off_t(at_));
    if (n < 0)
        ec.assign(errno, std::system_category());
    return n > 0 ? link.write(chunk_.first(std::size_t(n)), more, ec) : 0;
}

}  // namespace bellhop::os
