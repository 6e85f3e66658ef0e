// SPDX-License-Identifier: Apache-2.0
// A lock on PATH.lock, which is there as long as the lock is held; after a SIGKILL it stays, without a lock, and the next one
// takes it. Asked for without waiting: a holder that is stopped must not stop us. Of the three kinds of lock it is fcntl(2)'s old
// one, because that alone tells who holds it. Ruled out: to bind beside and rename over what is there, since nothing can say that
// it is still the stale one by then; flock(2) of the directory, which whoever may read it can hold for ever; an abstract socket's
// name, which belongs to whoever comes first.
#include "transports/unix/claim.hpp"

#include "os/errors.hpp"
#include "os/text_file.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace bellhop::transports {
namespace {

std::string who(pid_t pid)  // 0: the kernel does not say, or it is of another pid namespace
{
    const std::string name = pid > 0 ? os::first_line("/proc/" + std::to_string(pid) + "/comm") : std::string();
    return name.empty() ? "another process" : name + " (pid " + std::to_string(pid) + ")";
}

Error taken(const std::string& path, pid_t pid, const char* how)
{
    return {Error::Kind::busy, {}, "cannot listen on " + path + ": " + who(pid) + how};
}

enum class There { nothing, stale };

Result<There> look(const std::string& path, const sockaddr_un& address)
{
    struct stat there;
    if (::lstat(path.c_str(), &there) < 0)
        return There::nothing;
    if (!S_ISSOCK(there.st_mode))
        return Error{Error::Kind::failed, {}, "cannot listen on " + path + ": it exists and is not a socket"};
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int answer = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (answer == 0 || errno == EAGAIN) {  // EAGAIN: a listener whose backlog is full
        ucred listener{};
        socklen_t size = sizeof listener;
        ::getsockopt(probe.get(), SOL_SOCKET, SO_PEERCRED, &listener, &size);
        return taken(path, listener.pid, " is listening there");
    }
    if (errno != ECONNREFUSED)
        return os::failure("cannot listen on " + path);
    return There::stale;
}

}  // namespace

Result<Claim> Claim::on(const std::string& path, const sockaddr_un& address)
{
    Result<Claim> claim = lock(path, address);
    if (!claim)
        return claim;
    Result<There> there = look(path, address);
    if (!there)
        return std::move(there.error());
    if (*there == There::stale && ::unlink(path.c_str()) < 0)
        return os::failure("cannot remove the stale socket " + path);
    return claim;
}

Result<Claim> Claim::lock(const std::string& path, const sockaddr_un& address)
{
    const std::string lock = path + ".lock";
    for (;;) {  // each turn that is not the last one means that somebody else has just come to an end
        Fd file(::open(lock.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
        if (!file)
            return os::failure("cannot listen on " + path + ": " + lock);
        struct flock whole {};
        whole.l_type = F_WRLCK;
        const bool locked = ::fcntl(file.get(), F_SETLK, &whole) == 0;
        if (!locked && (errno == EAGAIN || errno == EACCES)) {
            if (::fcntl(file.get(), F_GETLK, &whole) == 0 && whole.l_type == F_UNLCK)
                continue;
            // In this order: a holder that only finds out that it came too late does so when the first one listens already.
            Result<There> there = look(path, address);
            return there ? taken(path, whole.l_pid, " is about to listen there") : std::move(there.error());
        }
        // Not locked: this file system has no locks. It can hold sockets all the same.
        struct stat about;
        if (!locked || (::fstat(file.get(), &about) == 0 && about.st_nlink > 0))
            return Claim(lock, std::move(file));
    }
}

Claim::~Claim()
{
    if (file_)
        ::unlink(lock_.c_str());  // before the lock ends: whoever opened this file sees by its links that it is no longer the one
}

}  // namespace bellhop::transports
