// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon.hpp"

#include "os/errors.hpp"

#include <climits>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop {
namespace {

[[noreturn]] void end_when_ready(const Fd& told)
{
    char word;
    ssize_t n;
    do
        n = ::read(told.get(), &word, 1);
    while (n < 0 && errno == EINTR);
    ::_exit(n == 1 ? 0 : 1);  // nothing of the child's is undone here
}

}  // namespace

Daemon::~Daemon()
{
    if (pid_file_)
        ::unlink(path_.c_str());
}

Status Daemon::start(const std::string& pid_file)
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0)
        return os::failure("cannot go to the background");
    const Fd told(ends[0]);
    tell_ = Fd(ends[1]);
    const pid_t child = ::fork();
    if (child < 0)
        return os::failure("cannot go to the background");
    if (child > 0) {
        tell_ = Fd();
        end_when_ready(told);
    }
    ::setsid();
    ::umask(077);
    char here[PATH_MAX];  // we leave it below, and remove the file at the end
    path_ = pid_file.starts_with('/') || !::getcwd(here, sizeof here) ? pid_file : here + ("/" + pid_file);
    if (Status status = lock(path_); !status)
        return status;
    return ::chdir("/") == 0 ? done() : os::failure("cannot go to the background");
}

Status Daemon::lock(const std::string& path)
{
    Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
    struct flock all {};
    all.l_type = F_WRLCK;
    all.l_whence = SEEK_SET;
    if (!file || ::fcntl(file.get(), F_SETLK, &all) < 0)
        return os::failure(file ? "another daemon holds the pid file " + path : "cannot make the pid file " + path);
    const std::string text = std::to_string(::getpid()) + "\n";
    if (::ftruncate(file.get(), 0) < 0 || ::write(file.get(), text.data(), text.size()) != ssize_t(text.size()))
        return os::failure("cannot write the pid file " + path);
    pid_file_ = std::move(file);
    return done();
}

void Daemon::ready(Log log)
{
    const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (int standard : {0, 1, 2})
        if (nothing && (standard < 2 || log == Log::none))
            ::dup2(nothing.get(), standard);
    [[maybe_unused]] const ssize_t n = ::write(tell_.get(), "r", 1);
    tell_ = Fd();
}

}  // namespace bellhop
