// SPDX-License-Identifier: Apache-2.0
// A process that goes to the background: daemon(7), "SysV daemons".
#pragma once
#include <bellhop/fd.hpp>
#include <bellhop/result.hpp>

#include <string>

namespace bellhop {

class Daemon {
public:
    Daemon() = default;
    Daemon(const Daemon&) = delete;
    ~Daemon();  // removes the pid file

    // Goes on in a child, in a session of its own, in / and with umask 077. The parent waits until the child is ready, and ends
    // with 0 then; with 1 when the child ends before. The pid file says who it is and is locked by fcntl(2), so there is one at a
    // time. Before there is a loop, or anything else that a fork would halve.
    Status start(const std::string& pid_file);

    enum class Log { none, kept };  // kept: descriptor 2 leads to a log; none: to nowhere from now on, like 0 and 1
    void ready(Log);

private:
    Status lock(const std::string& path);

    std::string path_;
    Fd pid_file_, tell_;
};

}  // namespace bellhop
