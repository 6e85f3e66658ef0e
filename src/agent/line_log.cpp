// SPDX-License-Identifier: Apache-2.0
// poll(2) first for standard error, which may be a pipe or a terminal that somebody has stopped, and its flags are shared with
// others; what we opened ourselves is non-blocking.
// Control characters become '?': a line stays a line, whatever a peer has named its things.
// /dev/kmsg: Documentation/ABI/testing/dev-kmsg. The journal: systemd's "Native Journal Protocol".
#include "agent/line_log.hpp"

#include "base/concat.hpp"

#include <algorithm>
#include <cstddef>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace bellhop {
namespace {

constexpr char priorities[] = {'3', '4', '6', '7'};  // syslog(3)
constexpr std::size_t longest = 900;                 // a pipe and /dev/kmsg take it whole

Fd open_kernel_log()
{
    return Fd(::open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NONBLOCK));
}

std::string now()  // seconds.microseconds
{
    const auto time = std::chrono::system_clock::now().time_since_epoch();
    const auto micro = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
    return concat({std::to_string(micro / 1'000'000), ".", std::to_string(1'000'000 + micro % 1'000'000).substr(1)});
}

Fd open_journal()
{
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::string_view("/run/systemd/journal/socket").copy(to.sun_path, sizeof to.sun_path - 1);
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const bool there = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    return there ? std::move(socket) : Fd();
}

}  // namespace

void LineLog::use(Level most, LogTarget target)
{
    most_ = most;
    if (target == target_)
        return;
    out_ = target == LogTarget::kernel ? open_kernel_log() : target == LogTarget::journal ? open_journal() : Fd();
    const bool asked_for = target == LogTarget::kernel || target == LogTarget::journal;
    target_ = asked_for && !out_ ? LogTarget::standard_error : target;
    if (target_ != target)
        write(Level::warning, target == LogTarget::kernel ? "cannot log to /dev/kmsg, so to standard error"
                                                          : "there is no journal to log to, so to standard error");
}

void LineLog::write(Level level, std::string_view line)
{
    if (!wants(level))
        return;
    if (hushed_) {
        ++unsaid_;
        return;
    }
    try {
        if (!spend())
            return;
        if (lost_ > 0)
            write_now(Level::warning, std::to_string(std::exchange(lost_, 0)) + " lines were not logged: too many at once");
        write_now(level, line);
    } catch (...) {  // no memory for a line: it is lost
    }
}

void LineLog::hush(bool on)
{
    hushed_ = on;
    if (!on && unsaid_ > 0)
        write(Level::warning,
              std::to_string(std::exchange(unsaid_, 0)) + " lines were not logged while file systems were frozen");
}

bool LineLog::spend()
{
    const auto now = std::chrono::steady_clock::now();
    allowance_ = std::min(burst, allowance_ + a_second * std::chrono::duration<double>(now - last_).count());
    last_ = now;
    if (allowance_ < 1) {
        ++lost_;
        return false;
    }
    allowance_ -= 1;
    return true;
}

void LineLog::write_now(Level level, std::string_view line)
{
    std::string text(line.substr(0, longest));
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    const char priority = priorities[std::size_t(level)];
    if (target_ == LogTarget::journal)
        text = concat({"PRIORITY=", {&priority, 1}, "\nSYSLOG_IDENTIFIER=bellhop-agent\nMESSAGE=", text, "\n"});
    else if (target_ == LogTarget::kernel)
        text = concat({"<", {&priority, 1}, ">bellhop-agent: ", text, "\n"});
    else if (target_ == LogTarget::timed_error)
        text = concat({now(), ": ", level == Level::error ? "critical" : level_names[std::size_t(level)], ": ", text, "\n"});
    else
        text = concat({"bellhop-agent: ", level_names[std::size_t(level)], ": ", text, "\n"});
    const int to = out_ ? out_.get() : STDERR_FILENO;
    pollfd question{to, POLLOUT, 0};
    if (out_ || (::poll(&question, 1, 0) == 1 && (question.revents & POLLOUT))) {
        [[maybe_unused]] const ssize_t n = ::write(to, text.data(), text.size());
    }
}

}  // namespace bellhop
