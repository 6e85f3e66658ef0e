// SPDX-License-Identifier: Apache-2.0
// The children of one loop: who they are, and when one of them has gone.
//
// The exit is seen through the child's pidfd (Linux 5.3), else through SIGCHLD, for which a handler is installed only when it is
// needed. A child that nobody waits for any more (its group was killed) is buried here: reaped whenever the kernel lets go of
// it. As PID 1 or subreaper, strangers that were given to us are reaped by their own pid: waitpid(-1) would steal our children,
// and waitid(P_ALL, WNOWAIT) returns a leader that we keep for ever (but it is where to begin on kernels that list no children).
// Outlives every ExitWait.
#pragma once
#include "os/readiness.hpp"
#include "os/signals.hpp"
#include "os/spawn.hpp"

#include <functional>
#include <list>
#include <memory>
#include <vector>

struct rusage;

namespace bellhop::os {

class ExitWait;
enum class Reaped { not_yet, now, by_another };  // by_another: its exit status is lost

class Children {
public:
    enum class Exits { by_pidfd, by_signal };
    static Exits best();  // what this kernel can do

    explicit Children(asio::io_context& io, Exits exits = best(), SpawnBy by = SpawnBy::shared_memory)
        : io_(io), exits_(exits), spawn_by_(by)
    {
    }
    Children(const Children&) = delete;
    ~Children();  // what is buried and not yet gone is waited for, for a tenth of a second at most

    Result<Child> spawn(const SpawnPlan& plan);
    Result<Child> fork(int keep, bool plain_oom_score, const std::function<void(int kept)>& body);
    void bury(std::unique_ptr<ExitWait>);
    void reap_strangers();  // from now on; for the process that orphans come to

private:
    friend class ExitWait;
    Result<Child> told(Result<Child>) const;  // of its exit in our way
    void listen();
    void on_signal();
    void look_at_strangers();

    asio::io_context& io_;
    Exits exits_;
    SpawnBy spawn_by_;
    bool strangers_ = false;
    std::vector<ExitWait*> waits_;
    std::list<std::unique_ptr<ExitWait>> buried_;
    std::unique_ptr<Signals> signals_;
};

// One child that is ours until reap(). The call comes from the loop, once, when the leader is a zombie.
class ExitWait {
public:
    ExitWait(Children&, Child);
    ExitWait(const ExitWait&) = delete;
    ~ExitWait();

    pid_t pid() const { return child_.pid; }
    void start(std::function<void()> on_exit);
    bool gone() const;                                            // a zombie, waiting to be reaped
    Reaped reap(int* status = nullptr, rusage* usage = nullptr);  // does not block

private:
    friend class Children;
    void wait();
    void on_hint();

    Children& children_;
    Child child_;
    std::function<void()> on_exit_;
    Readiness<ExitWait> readiness_;
};

}  // namespace bellhop::os
