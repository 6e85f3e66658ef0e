// SPDX-License-Identifier: Apache-2.0
// clone(CLONE_VM | CLONE_VFORK) with a stack of the child's own: the cost of vfork() without its traps. The parent sleeps until
// the child has called execve() or died, so the child tells its failing step by plain stores into the parent's memory.
//
// Why not vfork(): it returns twice on one stack, which no C++ compiler promises to survive, and on some machines musl's is a
// fork(), where the child's stores are lost. Why not posix_spawn(): no pidfd, no "which step failed", no setsid in musl.
// Where clone() refuses CLONE_PIDFD with EINVAL (qemu-user, which also turns CLONE_VM into a copy), fork() and a pipe that
// execve() closes do the same, slower. They serve a child with other rights, too: setuid() says of the memory whether it may be
// dumped and traced, which must not be said of ours. Rules for the child's half: only system calls and stores into Report; no
// allocation, no destructor, no sanitizer (it never returns, so what it poisons on the stack would stay poisoned). clone(2),
// pidfd_open(2), setsid(2), execve(2), close_range(2).
#include "os/spawn.hpp"

#include "os/errors.hpp"

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <string_view>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace bellhop::os {
namespace {

#define BELLHOP_CHILD_SIDE __attribute__((noinline, no_sanitize("address", "undefined")))

enum class Step { none, session, standard_input, standard_output, rights, directory, exec };
constexpr const char* step_names[] = {"", "setsid", "stdin", "stdout", "setuid", "chdir", "exec"};

struct Report {
    Step step = Step::none;
    int error = 0;
};

struct ChildSide {
    const SpawnPlan& plan;
    char* const* argv;
    char** script_argv;  // "/bin/sh", a place for the file, and the rest: for what is no program but may be a script
    char* const* files;  // to try, in this order
    char* const* environment;
    int report_pipe = -1;  // else the parent reads `report` in its own memory
    volatile Report report{};
};

[[noreturn]] BELLHOP_CHILD_SIDE void give_up(ChildSide& side, Step step)
{
    const Report report{step, errno};
    side.report.error = report.error;
    side.report.step = report.step;
    if (side.report_pipe >= 0) {
        [[maybe_unused]] const ssize_t n = ::write(side.report_pipe, &report, sizeof report);
    }
    ::_exit(127);
}

// execve() resets handlers, but not ignored signals; and between here and there a handler of the embedder's would run in a
// process that shares its memory. So everything goes back to default while all is still blocked.
BELLHOP_CHILD_SIDE void reset_signals()
{
    struct sigaction fresh;
    std::memset(&fresh, 0, sizeof fresh);
    fresh.sa_handler = SIG_DFL;
    for (int number = 1; number < 65; ++number)
        ::sigaction(number, &fresh, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

BELLHOP_CHILD_SIDE void take_plain_oom_score()
{
    const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    [[maybe_unused]] const ssize_t n = ::write(score, "0", 1);
    ::close(score);
}

// execvpe(3), but for its memory: that is taken by the parent beforehand, because ours here is one small stack.
BELLHOP_CHILD_SIDE void execute(ChildSide& side)
{
    int worst = ENOENT;
    for (char* const* file = side.files; *file; ++file) {
        ::execve(*file, side.argv, side.environment);
        if (errno == ENOEXEC) {
            side.script_argv[1] = *file;
            ::execve(side.script_argv[0], side.script_argv, side.environment);
        }
        if (errno == EACCES)
            worst = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR)
            return;
    }
    errno = worst;
}

BELLHOP_CHILD_SIDE int run_child(void* argument)
{
    ChildSide& side = *static_cast<ChildSide*>(argument);
    if (side.plan.own_session && ::setsid() < 0)
        give_up(side, Step::session);
    const SpawnPlan& plan = side.plan;
    const int input = plan.input >= 0 ? plan.input : ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input < 0 || ::dup2(input, 0) < 0)
        give_up(side, Step::standard_input);
    const int null = plan.output >= 0 && plan.error >= 0 ? -1 : ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (::dup2(plan.output >= 0 ? plan.output : null, 1) < 0 || ::dup2(plan.error >= 0 ? plan.error : null, 2) < 0)
        give_up(side, Step::standard_output);
    if (plan.plain_oom_score)  // a child that shares our memory may: the kernel knows vfork's kind
        take_plain_oom_score();
    if (plan.rights && !take(*plan.rights))
        give_up(side, Step::rights);
    if (!plan.directory.empty() && ::chdir(plan.directory.c_str()) < 0)
        give_up(side, Step::directory);
    ::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);  // an embedder's descriptors; before Linux 5.11 they leak
    reset_signals();
    execute(side);
    give_up(side, Step::exec);
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings)
{
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (const std::string& s : strings)
        pointers.push_back(const_cast<char*>(s.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

std::string_view name_of(std::string_view variable)
{
    return variable.substr(0, variable.find('='));
}

std::vector<char*> environment_of(const std::vector<std::string>& overrides, bool inherit)
{
    std::vector<char*> all = pointers_to(overrides);
    if (!inherit)
        return all;
    all.pop_back();
    for (char** ours = environ; ours && *ours; ++ours) {
        bool replaced = false;
        for (const std::string& theirs : overrides)
            replaced = replaced || name_of(theirs) == name_of(*ours);
        if (!replaced)
            all.push_back(*ours);
    }
    all.push_back(nullptr);
    return all;
}

std::vector<std::string> files_for(const std::string& name, const std::vector<std::string>& environment)
{
    if (name.empty() || name.find('/') != name.npos)
        return {name};
    std::vector<std::string> files;
    const char* path = ::getenv("PATH");
    for (const std::string& variable : environment)
        if (variable.starts_with("PATH="))
            path = variable.c_str() + 5;
    for (std::string_view rest = path ? path : "/bin:/usr/bin";;) {
        const std::string_view folder = rest.substr(0, rest.find(':'));
        files.push_back((folder.empty() ? "." : std::string(folder)) + "/" + name);
        if (folder.size() == rest.size())
            return files;
        rest.remove_prefix(folder.size() + 1);
    }
}

class AllSignalsBlocked {
public:
    AllSignalsBlocked()
    {
        sigset_t everything;
        ::sigfillset(&everything);
        ::pthread_sigmask(SIG_SETMASK, &everything, &before_);
    }
    ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

Child clone_sharing(ChildSide& side)
{
    const AllSignalsBlocked blocked;
    alignas(16) std::byte stack[16 * 1024];  // ours to give, because we sleep
    int pidfd = -1;                          // before Linux 5.2 CLONE_PIDFD is ignored and this stays -1
    const pid_t pid = ::clone(run_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &side, &pidfd);
    return {pid, Fd(pidfd)};
}

Result<Child> fork_with_pipe(ChildSide& side)
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0)
        return failure("no pipe for the child's report");
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    side.report_pipe = theirs.get();
    Child child;
    {
        const AllSignalsBlocked blocked;
        child.pid = ::fork();
        if (child.pid == 0)
            run_child(&side);
    }
    if (child.pid < 0)
        return failure("fork");
    theirs = Fd();
    Report report;
    ssize_t n;
    do
        n = ::read(ours.get(), &report, sizeof report);  // ends at the child's execve or death: soon, in both cases
    while (n < 0 && errno == EINTR);
    if (n == ssize_t(sizeof report)) {
        side.report.error = report.error;
        side.report.step = report.step;
    }
    child.pidfd = Fd(int(::syscall(SYS_pidfd_open, child.pid, 0u)));
    return child;
}

Error failure_of(const ChildSide& side)
{
    const Step step = side.report.step;
    return failure(step_names[int(step)] + std::string(" ") + side.argv[0], side.report.error);
}

}  // namespace

Result<Child> spawn(const SpawnPlan& plan, SpawnBy by)
{
    const std::vector<char*> argv = pointers_to(plan.argv);
    const bool ours = plan.environment.empty() && plan.inherit_environment;
    const std::vector<char*> environment =
        ours ? std::vector<char*>() : environment_of(plan.environment, plan.inherit_environment);
    const std::vector<std::string> names = files_for(plan.argv.front(), plan.environment);
    const std::vector<char*> files = pointers_to(names);
    std::vector<char*> script = argv;
    static char shell[] = "/bin/sh";
    script.insert(script.begin(), shell);
    ChildSide side{plan, argv.data(), script.data(), files.data(), environment.empty() ? environ : environment.data()};

    if (plan.rights)
        by = SpawnBy::fork;
    Child child;
    if (by == SpawnBy::shared_memory)
        child = clone_sharing(side);
    if (by == SpawnBy::fork || (child.pid < 0 && errno == EINVAL)) {
        Result<Child> forked = fork_with_pipe(side);
        if (!forked)
            return forked;
        child = std::move(*forked);
    }
    if (child.pid < 0)
        return failure("clone");
    if (side.report.step == Step::none)
        return child;
    while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {  // it is already dead, or about to be
    }
    return failure_of(side);
}

Result<Child> fork_child(int keep, bool plain_oom_score, const std::function<void(int kept)>& body)
{
    constexpr int kept = 3;
    Child child;
    {
        const AllSignalsBlocked blocked;
        child.pid = ::fork();
        if (child.pid == 0) {
            ::setsid();
            const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
            for (int standard = 0; standard < kept; ++standard)
                ::dup2(null, standard);
            if (keep == kept)
                ::fcntl(kept, F_SETFD, FD_CLOEXEC);
            else
                ::dup3(keep, kept, O_CLOEXEC);
            ::syscall(SYS_close_range, unsigned(kept + 1), ~0u, 0u);
            if (plain_oom_score)
                take_plain_oom_score();
            reset_signals();
            body(kept);
            ::_exit(0);
        }
    }
    if (child.pid < 0)
        return failure("fork");
    child.pidfd = Fd(int(::syscall(SYS_pidfd_open, child.pid, 0u)));
    return child;
}

}  // namespace bellhop::os
