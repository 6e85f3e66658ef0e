// SPDX-License-Identifier: Apache-2.0
// SIGPIPE is ignored, because sendfile(2) to a socket cannot be told not to raise it. When our own
// reader goes (`| head`) we end by that signal all the same, as any filter does: quietly, and with
// the status that shells expect.
#include "output.hpp"

#include "failure.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace bellhop::tool {
namespace {

[[noreturn]] void end_by_sigpipe()
{
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
    ::_exit(128 + SIGPIPE);  // where it is blocked
}

}  // namespace

void hold_standard_descriptors()
{
    for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(fd, F_GETFD) < 0)
            ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // using it still fails, as it would closed
}

void write_all(int fd, ByteView bytes, const std::string& name)
{
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count >= 0)
            bytes = bytes.subspan(std::size_t(count));
        else if (errno == EPIPE)
            end_by_sigpipe();
        else if (errno == EAGAIN) {  // somebody else made the terminal non-blocking
            pollfd waiting{fd, POLLOUT, 0};
            ::poll(&waiting, 1, -1);
        } else if (errno != EINTR)
            throw Failure(Exit::failed, "cannot write to " + name + ": " + std::strerror(errno));
    }
}

void say(const std::string& line)
{
    const std::string text = line + "\n";
    write_all(STDOUT_FILENO, bytes_of(text), "stdout");
}

void complain(const std::string& text, const std::string& hint)
{
    std::string lines = "bellhop: " + text + "\n";
    if (!hint.empty())
        lines += hint + "\n";
    while (::write(STDERR_FILENO, lines.data(), lines.size()) < 0 && errno == EINTR)
        continue;  // nobody is left to tell of any other failure
}

}  // namespace bellhop::tool
