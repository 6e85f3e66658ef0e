// SPDX-License-Identifier: Apache-2.0
// pidfd_open(2), waitid(2), wait4(2); proc(5) on /proc/PID/task/TID/children and /proc/PID/stat.
#include "os/children.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bellhop::os {
namespace {

std::optional<std::string> read_small(const std::string& path)  // of /proc: no larger than what is read
{
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
        return std::nullopt;
    std::string text;
    char part[4096];
    for (ssize_t n; (n = ::read(file.get(), part, sizeof part)) > 0;)
        text.append(part, std::size_t(n));
    return text;
}

std::optional<std::vector<pid_t>>
listed_children()  // none: the kernel has no such list (CONFIG_PROC_CHILDREN), or there is no /proc
{
    const std::string own = std::to_string(::getpid());
    const std::optional<std::string> list = read_small("/proc/" + own + "/task/" + own + "/children");
    if (!list)
        return std::nullopt;
    std::vector<pid_t> pids;
    char* end;
    for (const char* at = list->c_str();; at = end) {
        const long pid = std::strtol(at, &end, 10);
        if (end == at)
            return pids;
        pids.push_back(pid_t(pid));
    }
}

std::vector<pid_t> children_by_their_word()  // every process there is tells its parent: "PID (NAME) STATE PARENT …"
{
    std::vector<pid_t> pids;
    const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir("/proc"), &::closedir);
    while (const dirent* one = all ? ::readdir(all.get()) : nullptr) {
        const pid_t pid = pid_t(std::strtol(one->d_name, nullptr, 10));
        const std::string stat = pid > 0 ? read_small("/proc/" + std::string(one->d_name) + "/stat").value_or("") : "";
        const std::size_t name_end = stat.rfind(") ");
        if (name_end != stat.npos && std::strtol(stat.c_str() + std::min(name_end + 4, stat.size()), nullptr, 10) == ::getpid())
            pids.push_back(pid);
    }
    return pids;
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
    return told(os::spawn(plan, spawn_by_));
}

Result<Child> Children::fork(int keep, bool plain_oom_score, const std::function<void(int kept)>& body)
{
    return told(fork_child(keep, plain_oom_score, body));
}

Result<Child> Children::told(Result<Child> child) const
{
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
    const auto is_stranger = [this](pid_t pid) {
        return std::none_of(waits_.begin(), waits_.end(), [pid](const ExitWait* one) { return one->child_.pid == pid; });
    };
    std::optional<std::vector<pid_t>> all = listed_children();
    while (!all) {  // then one zombie after another, until one of ours stands before the others
        siginfo_t first{};
        if (::waitid(P_ALL, 0, &first, WEXITED | WNOHANG | WNOWAIT) != 0 || first.si_pid == 0)
            return;
        if (!is_stranger(first.si_pid))
            all = children_by_their_word();
        else
            ::waitpid(first.si_pid, nullptr, WNOHANG);
    }
    for (const pid_t pid : *all)
        if (is_stranger(pid))
            ::waitpid(pid, nullptr, WNOHANG);
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
