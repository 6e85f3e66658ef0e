// SPDX-License-Identifier: Apache-2.0
// poll(2), pipe(7), waitid(2), waitpid(2).
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

void append(std::string& to, const char* part, std::size_t count)
{
    to.append(part, std::min(count, most_output - to.size()));
}

bool has_gone(pid_t pid)
{
    siginfo_t info{};
    return ::waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

// Feeds and listens until the helper has closed its outputs, or has gone and they are read dry: what it left running (a daemon
// that it has woken) may keep them open for ever. One that went without its input is no error: its exit code counts.
void talk(HelperEnd& end, const Child& child, Fd to, Fd from, Fd from_error, std::string_view input)
{
    char part[4096];
    ::fcntl(to.get(), F_SETFL, O_NONBLOCK);
    for (bool was_gone = false;;) {
        if (input.empty())
            to = Fd();
        // poll(2) ignores a descriptor of -1
        pollfd all[] = {
            {from.get(), POLLIN, 0}, {to.get(), POLLOUT, 0}, {from_error.get(), POLLIN, 0}, {child.pidfd.get(), POLLIN, 0}};
        if (::poll(all, 4, child.pidfd ? -1 : 100) < 0)
            continue;
        if (all[1].revents) {
            const ssize_t n = ::write(to.get(), input.data(), input.size());
            input.remove_prefix(n > 0 ? std::size_t(n) : errno == EAGAIN || errno == EINTR ? 0 : input.size());
        }
        for (const pollfd& one : {all[2], all[0]}) {
            if (!one.revents)
                continue;
            Fd& source = one.fd == from.get() ? from : from_error;
            const ssize_t n = ::read(one.fd, part, sizeof part);
            if (n > 0)
                append(end.output, part, std::size_t(n));
            if (n > 0 && &source == &from_error)
                append(end.errors, part, std::size_t(n));
            if (n == 0 || (n < 0 && errno != EINTR))
                source = Fd();
        }
        const bool dry = !all[0].revents && !all[2].revents;
        if ((!from && !from_error) || (was_gone && dry))
            return;
        was_gone = has_gone(child.pid);  // what it wrote last may have come after poll(2) had looked: once more
    }
}

}  // namespace

Result<HelperEnd> run_helper(const std::vector<std::string>& argv, std::string_view input, Environment environment)
{
    int in[2], out[2], err[2];
    if (::pipe2(in, O_CLOEXEC) < 0)
        return failure("no pipe for " + argv.front());
    Fd in_read(in[0]), in_write(in[1]);
    if (::pipe2(out, O_CLOEXEC) < 0)
        return failure("no pipe for " + argv.front());
    Fd out_read(out[0]), out_write(out[1]);
    if (::pipe2(err, O_CLOEXEC) < 0)
        return failure("no pipe for " + argv.front());
    Fd err_read(err[0]), err_write(err[1]);
    ::signal(SIGPIPE, SIG_IGN);
    SpawnPlan plan{argv, {}, {}, in_read.get(), out_write.get(), err_write.get()};
    plan.inherit_environment = environment == Environment::ours;
    plan.own_session = false;
    Result<Child> child = spawn(plan);
    if (!child)
        return std::move(child.error());
    in_read = Fd();
    out_write = Fd();
    err_write = Fd();
    HelperEnd end;
    talk(end, *child, std::move(in_write), std::move(out_read), std::move(err_read), input);
    while (::waitpid(child->pid, &end.status, 0) < 0 && errno == EINTR) {
    }
    end.code = WIFSIGNALED(end.status) ? 128 + WTERMSIG(end.status) : WEXITSTATUS(end.status);
    return end;
}

}  // namespace bellhop::os
