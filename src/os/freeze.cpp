// SPDX-License-Identifier: Apache-2.0
// ioctl_fs(2): FIFREEZE, FITHAW; unix(7) SOCK_SEQPACKET.
//
// A disk that does not answer holds who freezes it in the kernel, where no signal reaches it, and when it lets go at last the
// file system is frozen, though nobody waits for it any more. So each file system has a process of its own, which keeps it
// frozen only if it is told to: while its socket is open it waits for the word, and without one it thaws what it froze. It is
// in a group of its own, so that what kills its parent's group leaves it to do that.
#include "os/freeze.hpp"

#include "os/errors.hpp"

#include <bellhop/fd.hpp>

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <linux/fs.h>
#include <optional>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace bellhop::os {
namespace {

struct FreezeReport {
    enum class Step : int { done, open, freeze } step = Step::done;
    int error = 0;
};

// Returns the parent's end of its socket; the child has nothing else open, and ends when `body` returns.
Result<Fd> start_keeper(const std::function<void(int socket)>& body)
{
    constexpr int kept = 3;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return failure("no socket for a helper process");
    Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0)
        return failure("fork");
    if (pid > 0)
        return ours;
    ::setpgid(0, 0);
    if (theirs.get() != kept)
        ::dup2(theirs.get(), kept);
    if (::syscall(SYS_close_range, unsigned(kept + 1), ~0u, 0u) < 0)  // before Linux 5.9
        for (int fd = kept + 1; fd < 256; ++fd)
            ::close(fd);
    body(kept);
    ::_exit(0);
}

bool wait_for(const Fd& socket, std::chrono::milliseconds limit)
{
    pollfd question{socket.get(), POLLIN, 0};
    int n;
    do
        n = ::poll(&question, 1, int(limit.count()));
    while (n < 0 && errno == EINTR);
    return n > 0;
}

void tell(int socket, FreezeReport report)
{
    [[maybe_unused]] const ssize_t n = ::send(socket, &report, sizeof report, MSG_NOSIGNAL);
}

bool told_to_keep(int socket)
{
    char word;
    ssize_t n;
    do
        n = ::recv(socket, &word, 1, 0);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

void keep_frozen(const std::string& directory, int socket)
{
    const Fd mount(::open(directory.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!mount)
        return tell(socket, {FreezeReport::Step::open, errno});
    if (::ioctl(mount.get(), FIFREEZE) < 0)
        return tell(socket, {FreezeReport::Step::freeze, errno});
    tell(socket, {});
    if (!told_to_keep(socket))
        ::ioctl(mount.get(), FITHAW);
}

// All that is frozen by now, and not for good.
class Held {
public:
    explicit Held(std::chrono::milliseconds limit) : limit_(limit) {}
    ~Held()  // without the word they thaw, and end, which closes their sockets
    {
        for (const Fd& one : sockets_)
            ::shutdown(one.get(), SHUT_WR);
        for (const Fd& one : sockets_)
            wait_for(one, limit_);
    }
    void add(Fd socket) { sockets_.push_back(std::move(socket)); }
    int keep()
    {
        for (const Fd& one : sockets_)
            ::send(one.get(), "k", 1, MSG_NOSIGNAL);
        const int count = int(sockets_.size());
        sockets_.clear();
        return count;
    }

private:
    std::chrono::milliseconds limit_;
    std::vector<Fd> sockets_;
};

}  // namespace

Result<int> freeze(const std::vector<Mount>& mounts, const std::string& root, std::chrono::milliseconds limit,
                   Unopenable unopenable)
{
    Held held(limit);
    for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {
        const std::string path = root + mount->directory;
        Result<Fd> keeper = start_keeper([&path](int socket) { keep_frozen(path, socket); });
        if (!keeper)
            return std::move(keeper.error());
        FreezeReport report{FreezeReport::Step::freeze, ETIMEDOUT};
        if (wait_for(*keeper, limit) && ::recv(keeper->get(), &report, sizeof report, 0) != ssize_t(sizeof report))
            report = {FreezeReport::Step::freeze, ECHILD};
        const bool by_nature = report.error == EOPNOTSUPP || report.error == EBUSY || report.error == ENOTTY;
        if (report.step == FreezeReport::Step::done)
            held.add(std::move(*keeper));
        else if (report.step == FreezeReport::Step::open && unopenable == Unopenable::fails)
            return failure("failed to open " + mount->directory, report.error);
        else if (report.step == FreezeReport::Step::freeze && !by_nature)
            return failure("failed to freeze " + mount->directory, report.error);
    }
    return held.keep();
}

int thaw(const std::vector<Mount>& mounts, const std::string& root, std::chrono::milliseconds limit)
{
    int count = 0;
    for (const Mount& mount : mounts) {
        const std::string path = root + mount.directory;
        const Result<Fd> helper = start_keeper([&path](int socket) {
            const Fd open_mount(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
            FreezeReport report{FreezeReport::Step::freeze, 0};
            while (open_mount && ::ioctl(open_mount.get(), FITHAW) == 0)
                report.step = FreezeReport::Step::done;
            tell(socket, report);
        });
        FreezeReport report{FreezeReport::Step::freeze, 0};
        if (helper && wait_for(*helper, limit) && ::recv(helper->get(), &report, sizeof report, 0) == ssize_t(sizeof report))
            count += report.step == FreezeReport::Step::done;
    }
    return count;
}

}  // namespace bellhop::os
