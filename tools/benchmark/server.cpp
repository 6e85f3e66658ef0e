// SPDX-License-Identifier: Apache-2.0
// Starting, observing (proc(5)) and ending a server. A server leads a process group of its own, so
// that Ctrl-C reaches the benchmark alone, and gets SIGTERM should the benchmark die: the agent
// then takes its commands with it.
#include "bench.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bellhop::benchmark {
namespace {

std::string proc(pid_t pid, const char* name)
{
    return "/proc/" + std::to_string(pid) + '/' + name;
}

std::vector<pid_t> children_of(pid_t pid)
{
    std::vector<pid_t> result;
    std::ifstream file(proc(pid, "task/") + std::to_string(pid) + "/children");
    for (pid_t child; file >> child;)
        result.push_back(child);
    return result;
}

}  // namespace

double number_in(const std::string& path, std::string_view name)
{
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(name) && line[name.size()] == ':')
            return std::stod(line.substr(name.size() + 1));
    return 0;
}

void adopt_orphans()
{
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void end_orphans()
{
    for (const pid_t orphan : children_of(::getpid())) {
        ::kill(orphan, SIGKILL);
        ::waitpid(orphan, nullptr, 0);
    }
}

Server Server::agent(const Settings& settings, const std::vector<std::string>& options)
{
    const std::string socket = settings.sockets + "/agent";
    std::vector<std::string> command{settings.agent, "--listen", "unix:" + socket + "=frames"};
    command.insert(command.end(), options.begin(), options.end());
    return Server(std::move(command), socket, settings.sockets + "/agent.log");
}

Server Server::qga(const Settings& settings)
{
    const std::string socket = settings.sockets + "/agent";
    return Server({settings.agent, "--listen", "unix:" + socket + "=qga"}, socket, settings.sockets + "/agent.log");
}

Server Server::qemu_ga(const Settings& settings)
{
    const char* given = std::getenv("BELLHOP_QEMU_GA");
    const std::string program = given ? given : "/usr/sbin/qemu-ga", socket = settings.sockets + "/qemu-ga";
    if (::access(program.c_str(), X_OK) < 0)
        throw Failure("no " + program + " to compare with: tools/install-needs bench");
    return Server({program, "-m", "unix-listen", "-p", socket, "-t", settings.sockets}, socket,
                  settings.sockets + "/qemu-ga.log");
}

Server Server::xenstored(const Settings& settings)
{
    const char* given = std::getenv("BELLHOP_XENSTORED");
    const std::string program = given ? given : "";
    if (program.empty() || ::access(settings.fakexen.c_str(), R_OK) < 0)
        throw Failure("no xenstored to measure with: tools/fetch-xen");
    const std::string libraries = std::filesystem::path(program).parent_path().parent_path().parent_path();
    std::string all = "LD_LIBRARY_PATH=";
    for (const auto& one : std::filesystem::directory_iterator(libraries))
        if (one.path().filename().string().find("-linux-") != std::string::npos)
            all += one.path().string();
    return Server({"/usr/bin/env", all, "LD_PRELOAD=" + settings.fakexen, "FAKEXEN_DIR=" + settings.sockets,
                   "XENSTORED_RUNDIR=" + settings.sockets, program, "-N"},
                  settings.sockets + "/socket", settings.sockets + "/xenstored.log");
}

Server Server::floor(const Settings& settings, const std::string& kind, const std::string& argument)
{
    const std::string socket = settings.sockets + "/floor";
    return Server({settings.floor, kind, socket, argument}, socket, settings.sockets + "/floor.log");
}

Server::Server(std::vector<std::string> command, std::string socket, std::string log)
    : socket_(std::move(socket)), log_(std::move(log))
{
    ::unlink(socket_.c_str());
    start(command);
}

void Server::start(const std::vector<std::string>& command)
{
    std::vector<char*> words;
    for (const std::string& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const Fd log(::open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const auto begin = Clock::now();
    pid_ = ::vfork();
    if (pid_ == 0) {
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        ::dup2(log.get(), 1);
        ::dup2(log.get(), 2);
        ::execv(words[0], words.data());
        ::_exit(127);
    }
    if (pid_ < 0)
        throw system_failure("vfork");
    pidfd_ = Fd(int(::syscall(SYS_pidfd_open, pid_, 0)));  // glibc 2.36 declares pidfd_open() for C only
    wait_listening();
    start_time_ = microseconds_since(begin);
}

// Tries without a pause (the moment is what is measured), but gives way to a server that shares our
// core.
void Server::wait_listening()
{
    for (const auto until = Clock::now() + 5s; Clock::now() < until; ::sched_yield()) {
        if (connect_to(socket_).get() >= 0)
            return;
        check_interrupted();
        siginfo_t end{};
        if (::waitid(P_PID, id_t(pid_), &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid != 0)
            break;
    }
    std::ifstream log(log_);
    std::string line;
    std::getline(log, line);
    throw Failure("a server did not come to listen on " + socket_ + ": " + line);
}

Server::~Server()
{
    pollfd end{pidfd_.get(), POLLIN, 0};
    ::kill(pid_, SIGTERM);
    int ended;
    do
        ended = ::poll(&end, 1, 3000);
    while (ended < 0 && errno == EINTR);
    if (ended == 0)
        ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void Server::require_alive() const
{
    pollfd end{pidfd_.get(), POLLIN, 0};
    if (::poll(&end, 1, 0) > 0)
        throw Failure("the server has ended");
}

Memory Server::memory() const
{
    require_alive();
    const std::string file = proc(pid_, "smaps_rollup");
    return {number_in(file, "Rss"), number_in(file, "Private_Dirty"), number_in(file, "Anonymous")};
}

int Server::descriptors() const
{
    require_alive();
    int count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(proc(pid_, "fd")))
        ++count;
    return count;
}

std::vector<pid_t> Server::children() const
{
    require_alive();
    return children_of(pid_);
}

long Server::context_switches() const
{
    require_alive();
    double count = 0;
    for (const auto& task : std::filesystem::directory_iterator(proc(pid_, "task"))) {
        const std::string status = task.path().string() + "/status";
        count += number_in(status, "voluntary_ctxt_switches") + number_in(status, "nonvoluntary_ctxt_switches");
    }
    return long(count);
}

}  // namespace bellhop::benchmark
