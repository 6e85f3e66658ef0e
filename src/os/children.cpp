// SPDX-License-Identifier: Apache-2.0
// pidfd_open(2), waitid(2), wait4(2); proc(5) on /proc/PID/task/TID/children.
#include "os/children.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bellhop::os {
namespace {

std::string read_small(const std::string& path)  // of /proc: no larger than what is read
{
    std::string text;
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char part[4096];
    for (ssize_t n; file && (n = ::read(file.get(), part, sizeof part)) > 0;)
        text.append(part, std::size_t(n));
    return text;
}

}  // namespace

// ---- Children

Children::Exits Children::best()
{
    const Fd own(int(::syscall(SYS_pidfd_open, ::getpid(), 0u)));  // poll() on a pidfd came with this call
    return own ? Exits::by_pidfd : Exits::by_signal;
}

Children::~Children()
{
    int tries = 0;  // for all of them together
    for (const std::unique_ptr<ExitWait>& one : buried_)
        for (; one->reap() == Reaped::not_yet && tries < 100; ++tries) {  // killed: gone as soon as it is scheduled
            pollfd question{one->child_.pidfd.get(), POLLIN, 0};
            ::poll(&question, 1, 1);
        }
}

Result<Child> Children::spawn(const SpawnPlan& plan)
{
    Result<Child> child = os::spawn(plan, spawn_by_);
    if (child && exits_ == Exits::by_signal)
        child->pidfd = Fd();
    return child;
}

void Children::bury(std::unique_ptr<ExitWait> one)
{
    if (one->reap() != Reaped::not_yet)
        return;
    const auto place = buried_.insert(buried_.end(), std::move(one));
    (*place)->start([this, place] {
        (*place)->reap();
        buried_.erase(place);
    });
}

void Children::reap_strangers()
{
    strangers_ = true;
    listen();
    look_at_strangers();
}

void Children::listen()
{
    if (!signals_)
        signals_ = std::make_unique<Signals>(io_, std::initializer_list<int>{SIGCHLD}, [this](int) { on_signal(); });
}

void Children::on_signal()
{
    for (ExitWait* one : std::vector(waits_))  // a call may drop any of them
        if (std::find(waits_.begin(), waits_.end(), one) != waits_.end() && !one->child_.pidfd)
            one->on_hint();
    if (strangers_)
        look_at_strangers();
}

void Children::look_at_strangers()
{
    const std::string own = std::to_string(::getpid());
    const std::string list = read_small("/proc/" + own + "/task/" + own + "/children");
    for (const char* at = list.c_str(); *at;) {
        char* end;
        const pid_t pid = pid_t(std::strtol(at, &end, 10));
        if (end == at)
            return;
        at = *end ? end + 1 : end;
        const auto ours = [pid](const ExitWait* one) { return one->child_.pid == pid; };
        if (std::none_of(waits_.begin(), waits_.end(), ours))
            ::waitpid(pid, nullptr, WNOHANG);
    }
}

// ---- ExitWait

ExitWait::ExitWait(Children& children, Child child)
    : children_(children), child_(std::move(child)), readiness_(children.io_, child_.pidfd.get(), *this)
{
    children_.waits_.push_back(this);
}

ExitWait::~ExitWait()
{
    std::erase(children_.waits_, this);
}

void ExitWait::start(std::function<void()> on_exit)
{
    const bool first = !on_exit_;
    on_exit_ = std::move(on_exit);
    if (first)
        wait();
}

void ExitWait::wait()
{
    if (child_.pidfd)
        return readiness_.wait_readable(&ExitWait::on_hint);
    children_.listen();
    readiness_.post(&ExitWait::on_hint);  // it may have gone before anybody listened
}

void ExitWait::on_hint()
{
    if (!on_exit_)
        return;
    if (gone())
        return std::exchange(on_exit_, nullptr)();
    if (child_.pidfd)
        wait();
}

bool ExitWait::gone() const
{
    siginfo_t info{};
    return ::waitid(P_PID, id_t(child_.pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

Reaped ExitWait::reap(int* status, rusage* usage)
{
    const pid_t pid = ::wait4(child_.pid, status, WNOHANG, usage);
    return pid == 0 ? Reaped::not_yet : pid > 0 ? Reaped::now : Reaped::by_another;
}

}  // namespace bellhop::os
