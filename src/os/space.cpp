// SPDX-License-Identifier: Apache-2.0
// A forked worker asks one directory after the other and writes each answer into a pipe. When one does not come in time, the
// worker is killed, or left asleep in the kernel, and another one goes on with the next directory. fork(2), poll(2), statvfs(3).
#include "os/space.hpp"

#include <bellhop/fd.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bellhop::os {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int answers = 3;

struct Message {  // less than PIPE_BUF: written and read in one piece
    Space space;
    bool known = false;
};

class Worker {
public:
    Worker(const std::vector<std::string>& directories, std::size_t first,
           const std::function<std::optional<Space>(const std::string&)>& ask)
    {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) < 0)
            return;
        from_ = Fd(ends[0]);
        const Fd to(ends[1]);
        pid_ = ::fork();
        if (pid_ != 0)
            return;
        // One that is left behind must not keep our asker's pipe open: that is 3 in a child of fork_child().
        ::dup3(to.get(), answers, O_CLOEXEC);
        ::syscall(SYS_close_range, unsigned(answers + 1), ~0u, 0u);
        for (std::size_t at = first; at < directories.size(); ++at) {
            const std::optional<Space> space = ask(directories[at]);
            const Message message{space.value_or(Space()), space.has_value()};
            if (::write(answers, &message, sizeof message) != sizeof message)
                break;
        }
        ::_exit(0);
    }
    Worker(const Worker&) = delete;
    ~Worker()
    {
        if (pid_ <= 0)
            return;
        ::kill(pid_, SIGKILL);
        for (int patience = 0; ::waitpid(pid_, nullptr, WNOHANG) == 0 && patience < 10; ++patience)
            ::poll(nullptr, 0, 1);  // one that sleeps in the kernel is not waited for
    }
    std::optional<Message> next(Clock::time_point until) const  // none: not in time, or it is gone
    {
        for (;;) {
            const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
            pollfd one{from_.get(), POLLIN, 0};
            const int ready = ::poll(&one, 1, int(std::max(left, milliseconds(0)).count()));
            if (ready < 0 && errno == EINTR)
                continue;
            Message message;
            if (ready > 0 && ::read(from_.get(), &message, sizeof message) == sizeof message)
                return message;
            return std::nullopt;
        }
    }

private:
    Fd from_;
    pid_t pid_ = -1;
};

}  // namespace

std::optional<Space> space_of(const std::string& directory)
{
    struct statvfs info;
    if (::statvfs(directory.c_str(), &info) < 0)
        return std::nullopt;
    const std::uint64_t unit = info.f_frsize, used = std::uint64_t(info.f_blocks) - info.f_bfree;
    return Space{used * unit, (used + info.f_bavail) * unit, std::uint64_t(info.f_blocks) * unit};
}

std::vector<std::optional<Space>> spaces_of(const std::vector<std::string>& directories, milliseconds each, milliseconds together,
                                            const std::function<std::optional<Space>(const std::string&)>& ask)
{
    std::vector<std::optional<Space>> spaces(directories.size());
    const Clock::time_point end = Clock::now() + together;
    std::optional<Worker> worker;
    for (std::size_t at = 0; at < directories.size() && Clock::now() < end; ++at) {
        if (!worker)
            worker.emplace(directories, at, ask);
        const std::optional<Message> message = worker->next(std::min(Clock::now() + each, end));
        if (!message)
            worker.reset();
        else if (message->known)
            spaces[at] = message->space;
    }
    return spaces;
}

}  // namespace bellhop::os
