// SPDX-License-Identifier: Apache-2.0
// sd_notify(3) has the order of what is told; proc(5) oom_score_adj; prctl(2) PR_GET_CHILD_SUBREAPER.
#include "agent/program.hpp"

#include "os/signals.hpp"

#include <bellhop/fd.hpp>

#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace bellhop {
namespace {

bool orphans_come_to_us()
{
    int subreaper = 0;
    return ::getpid() == 1 || (::prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper);
}

// Not to be the one that the kernel kills when memory is short; what we run may be.
bool protected_from_oom()
{
    const Fd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    return score && ::write(score.get(), "-1000", 5) == 5;
}

// One more SIGTERM, when the handlers are already taken down, must not make a good end a bad one.
void block_ends()
{
    sigset_t ends;
    ::sigemptyset(&ends);
    for (int number : {SIGTERM, SIGINT, SIGHUP})
        ::sigaddset(&ends, number);
    ::sigprocmask(SIG_BLOCK, &ends, nullptr);
}

}  // namespace

Program::Program(const CommandLine& line, Settings settings)
    : line_(line), settings_(std::move(settings)), log_(settings_.log_level, settings_.log_target)
{
}

int Program::run()
{
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would take our children's exit codes away
    const os::Signals signals(io_, {SIGTERM, SIGINT, SIGHUP}, std::bind_front(&Program::on_signal, this));

    Config config = settings_.config;
    // What a service manager hands us comes beside what is configured, and instead of the usual port.
    config.listen.insert(config.listen.end(), manager_.sockets().begin(), manager_.sockets().end());
    if (config.listen.empty())
        config.listen.push_back({"vsock", "1024", "frames"});
    config.reap_strangers = orphans_come_to_us();
    config.plain_oom_score = protected_from_oom();
    agent_.emplace(io_, std::move(config), log_);
    agent_->on_over([this] { io_.stop(); });
    if (Status status = agent_->start(); !status) {
        log_.write(Log::Level::error, status.error().text);
        return 1;
    }
    manager_.tell("READY=1");
    on_watchdog();
    loop();
    block_ends();
    agent_.reset();
    return 0;
}

void Program::on_signal(int number)
{
    if (number == SIGHUP)
        return reload();
    if (std::exchange(ending_, true))
        return io_.stop();
    manager_.tell("STOPPING=1");
    agent_->drain([this] { io_.stop(); });
}

void Program::reload()
{
    manager_.tell_reloading();
    Result<Settings> fresh = line_.load();
    Status status = fresh ? agent_->reload(fresh->config) : Status(fresh.error());
    if (!status)
        log_.write(Log::Level::error, "not reloaded, all stays as it was: " + status.error().text);
    else {
        for (const std::string& name : differing(settings_, *fresh, Setting::When::restart))
            log_.write(Log::Level::warning, name + " has changed, which takes a restart");
        log_.use(fresh->log_level, fresh->log_target);
        std::string changed;
        for (const std::string& name : differing(settings_, *fresh, Setting::When::reload))
            changed += (changed.empty() ? " " : ", ") + name;
        log_.write(Log::Level::info, "reloaded; changed:" + (changed.empty() ? " nothing" : changed));
        settings_ = std::move(*fresh);
    }
    manager_.tell("READY=1");
}

void Program::on_watchdog()
{
    if (!manager_.watchdog())
        return;
    manager_.tell("WATCHDOG=1");
    watchdog_ = timers_.after(*manager_.watchdog(), std::bind_front(&Program::on_watchdog, this));
}

// An exception that no barrier caught is a bug or a lack of memory; what it was part of is lost, the agent goes on.
void Program::loop()
{
    for (;;) {
        try {
            io_.run();
            return;
        } catch (const std::exception& e) {
            log_.write(Log::Level::error, e.what());
        }
    }
}

}  // namespace bellhop
