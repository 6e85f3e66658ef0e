// SPDX-License-Identifier: Apache-2.0
// poll(2), pipe(7), waitpid(2).
#include "os/helper.hpp"

#include "os/errors.hpp"
#include "os/spawn.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bellhop::os {
namespace {

constexpr std::size_t most_output = 64 << 10;

// Feeds and listens until the helper has closed its output. One that went without its input is no error: its exit code counts.
std::string talk(Fd to, Fd from, std::string_view input)
{
    std::string output;
    char part[4096];
    ::fcntl(to.get(), F_SETFL, O_NONBLOCK);
    for (;;) {
        if (input.empty())
            to = Fd();
        pollfd both[] = {{from.get(), POLLIN, 0}, {to.get(), POLLOUT, 0}};  // poll(2) ignores a descriptor of -1
        if (::poll(both, 2, -1) < 0)
            continue;
        if (both[1].revents) {
            const ssize_t n = ::write(to.get(), input.data(), input.size());
            input.remove_prefix(n > 0 ? std::size_t(n) : errno == EAGAIN || errno == EINTR ? 0 : input.size());
        }
        if (!both[0].revents)
            continue;
        const ssize_t n = ::read(from.get(), part, sizeof part);
        if (n == 0 || (n < 0 && errno != EINTR))
            return output;
        if (n > 0)
            output.append(part, std::min(std::size_t(n), most_output - output.size()));
    }
}

}  // namespace

Result<HelperEnd> run_helper(const std::vector<std::string>& argv, std::string_view input)
{
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) < 0)
        return failure("no pipe for " + argv.front());
    Fd in_read(in[0]), in_write(in[1]);
    if (::pipe2(out, O_CLOEXEC) < 0)
        return failure("no pipe for " + argv.front());
    Fd out_read(out[0]), out_write(out[1]);
    ::signal(SIGPIPE, SIG_IGN);
    SpawnPlan plan{argv, {}, {}, in_read.get(), out_write.get(), out_write.get()};
    plan.own_session = false;
    Result<Child> child = spawn(plan);
    if (!child)
        return std::move(child.error());
    in_read = Fd();
    out_write = Fd();
    HelperEnd end;
    end.output = talk(std::move(in_write), std::move(out_read), input);
    int status = 0;
    while (::waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    end.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return end;
}

}  // namespace bellhop::os
