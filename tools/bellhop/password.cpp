// SPDX-License-Identifier: Apache-2.0
// termios(3). The question goes to stderr, so that stdout has the answer alone. While the echo is off a signal ends us only after
// it is on again.
#include "password.hpp"

#include "failure.hpp"
#include "interrupts.hpp"
#include "output.hpp"
#include "text.hpp"

#include <cerrno>
#include <poll.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

namespace bellhop::tool {
namespace {

constexpr std::size_t longest_password = 1024;

class NoEcho {
public:
    NoEcho()
    {
        ::tcgetattr(STDIN_FILENO, &before_);
        termios silent = before_;
        silent.c_lflag &= ~tcflag_t(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    NoEcho(const NoEcho&) = delete;
    ~NoEcho() { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }

private:
    termios before_{};
};

Secret read_line(const Interrupts& interrupts)
{
    std::string line;
    line.reserve(longest_password + 1);  // it must not leave copies behind as it grows
    for (char next = 0;;) {
        pollfd both[] = {{STDIN_FILENO, POLLIN, 0}, {interrupts.descriptor(), POLLIN, 0}};
        if (::poll(both, 2, -1) > 0 && both[1].revents)
            interrupts.raise();
        const ssize_t count = ::read(STDIN_FILENO, &next, 1);
        if (count < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (count <= 0 || next == '\n')
            break;
        if (line.size() == longest_password)
            throw Failure(Exit::usage, "the password has more than " + std::to_string(longest_password) + " bytes");
        line += next;
    }
    return Secret(std::move(line));
}

Secret ask(const Interrupts& interrupts, const std::string& question)
{
    write_all(STDERR_FILENO, bytes_of(question), "stderr");
    Secret answer = read_line(interrupts);
    write_all(STDERR_FILENO, bytes_of("\n"), "stderr");
    return answer;
}

}  // namespace

Secret read_password(const std::string& user)
{
    ::prctl(PR_SET_DUMPABLE, 0);
    const Interrupts interrupts;
    Secret password;
    if (::isatty(STDIN_FILENO)) {
        const NoEcho silence;
        password = ask(interrupts, "New password of " + printable(user) + ": ");
        if (ask(interrupts, "Once more: ").view() != password.view())
            throw Failure(Exit::usage, "these were two different passwords");
    } else
        password = read_line(interrupts);
    if (password.view().empty())
        throw Failure(Exit::usage, "there is no password on stdin", "one line: bellhop password root < FILE");
    if (!is_utf8(password.view()))
        throw Failure(Exit::usage, "the password is not UTF-8, which is all that the protocols carry");
    return password;
}

}  // namespace bellhop::tool
