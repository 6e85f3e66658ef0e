// SPDX-License-Identifier: Apache-2.0
// sd_notify(3) has the order of what is told; proc(5) oom_score_adj; prctl(2) PR_GET_CHILD_SUBREAPER, PR_SET_DUMPABLE.
#include "agent/program.hpp"

#include "agent/init.hpp"
#include "agent/resident_set.hpp"
#include "base/concat.hpp"
#include "os/errors.hpp"
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
Status protect_from_oom()
{
    const Fd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    if (score && ::write(score.get(), "-1000", 5) == 5)
        return done();
    return os::failure("the kernel may kill the agent when memory is short: cannot set oom_score_adj");
}

// Passwords and keys pass through our memory: no core file of it, and no tracing by what runs with our ids but fewer
// capabilities. What we run is as dumpable as any program: execve(2) sees to that. It is the program's business, not the
// library's: an embedder may want its core files. An agent that is protected without being root stays as it is, for else its
// children could not open oom_score_adj, which is root's then, and would keep the protection.
void keep_memory_private(bool plain_oom_score)
{
    if (::geteuid() == 0 || !plain_oom_score)
        ::prctl(PR_SET_DUMPABLE, 0);
}

// One more SIGTERM, when the handlers are already taken down, must not make a good end a bad one.
void block_ends()
{
    sigset_t ends;
    ::sigemptyset(&ends);
    for (int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPWR})
        ::sigaddset(&ends, number);
    ::sigprocmask(SIG_BLOCK, &ends, nullptr);
}

// What one setting says that only the agent can judge, and nothing else. Its name: "agent.listen", "dialect frames.allow".
Config one_rule(const Config& all, const std::string& name)
{
    const auto part = name.ends_with(".allow") ? &Rules::allowed : &Rules::blocked;
    Config one;
    if (name == "agent.listen")
        one.listen = all.listen;
    if (name.starts_with("operations."))
        one.rules.*part = all.rules.*part;
    for (const auto& [dialect, rules] : all.dialect_rules)
        if (std::string_view(name).substr(0, name.rfind('.')) == "dialect " + dialect)
            one.dialect_rules[dialect].*part = rules.*part;
    return one;
}

// What waits for a restart is not in force, so the next reload tells of it again, unless it is taken back.
void keep_restarted(const Settings& in_force, Settings& fresh)
{
    for (const Setting& one : settings())
        if (one.when == Setting::When::restart)
            static_cast<void>(one.set(fresh, one.show(in_force)));  // what is shown can be set
}

}  // namespace

Program::Program(Load load, Settings settings, Init* init, std::function<void()> on_ready)
    : load_(std::move(load)), init_(init), on_ready_(std::move(on_ready)), settings_(std::move(settings)),
      log_(settings_.log_level, settings_.log_target), protection_(protect_from_oom()), agent_(io_, first_config(), log_)
{
}

Config Program::first_config()
{
    Config config = settings_.config;
    // What a service manager hands us comes beside what is configured, and instead of the usual port.
    config.listen.insert(config.listen.end(), manager_.sockets().begin(), manager_.sockets().end());
    if (config.listen.empty())
        config.listen.push_back({"vsock", "1024", "frames"});
    config.reap_strangers = orphans_come_to_us();
    config.plain_oom_score = bool(protection_);
    return config;
}

// The agent knows which operations, dialects and transports there are, the settings know which line it was: one at a time, then.
Status Program::check(const Settings& settings) const
{
    for (const auto& [name, source] : settings.sources)
        if (Status status = agent_.check(one_rule(settings.config, name)); !status)
            return Error{status.error().kind, {}, concat({source, ": ", status.error().text})};
    return done();
}

int Program::start()
{
    const Status status = agent_.start();
    log_shortcomings();  // not before: descriptor 2 may be a peer's until then
    if (status)
        return 0;
    log_.write(Log::Level::error, status.error().text);
    const Error& error = status.error();
    if (!error.os && error.kind == Error::Kind::bad_request)
        return 2;  // an address that is none
    // 3: no use in trying again, and a service manager is told so; with 1, the endpoint may be free the next time.
    return error.kind == Error::Kind::unsupported && error.os ? 3 : 1;
}

int Program::run()
{
    keep_memory_private(bool(protection_));
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would take our children's exit codes away
    const auto on_signal = std::bind_front(&Program::on_signal, this);
    const os::Signals signals(io_, {SIGTERM, SIGINT, SIGHUP}, on_signal);
    std::optional<os::Signals> signals_of_init;
    if (init_)
        signals_of_init.emplace(io_, std::initializer_list<int>{SIGUSR1, SIGUSR2, SIGPWR}, on_signal);
    agent_.on_over(std::bind_front(&Program::end, this));
    if (const int status = start(); status != 0)
        return status;
    if (on_ready_)
        on_ready_();
    agent_.when_ready(std::bind_front(&Program::on_agent_ready, this));
    on_watchdog();
#ifndef __GLIBC__  // the release binary; in others a developer may have set breakpoints
    agent_.on_rest(std::bind_front(&Program::on_rest, this));
    on_rest();
#endif
    loop();
    block_ends();
    if (init_)
        init_->set_grace(settings_.config.limits.drain);
    return exit_status_;
}

void Program::on_agent_ready(const Status& status)
{
    if (status)
        return ending_ ? void() : manager_.tell("READY=1");
    log_.write(Log::Level::error, status.error().text);
    exit_status_ = 1;
    end();
}

void Program::log_shortcomings()
{
    if (init_)
        for (const std::string& what : init_->lacking())
            log_.write(Log::Level::warning, what);
    if (!protection_)
        log_.write(Log::Level::debug, protection_.error().text);
}

void Program::on_signal(int number)
{
    if (number == SIGHUP)
        return reload();
    if (init_)
        init_->on_signal(number);
    if (std::exchange(ending_, true))
        return end();
    manager_.tell_stopping(settings_.config.limits.drain);
    agent_.drain(std::bind_front(&Program::end, this));
}

void Program::reload()
{
    manager_.tell_reloading();
    Result<Settings> fresh = load_();
    Status status = fresh ? check(*fresh) : Status(fresh.error());
    if (status)
        status = agent_.reload(fresh->config);
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
        keep_restarted(settings_, *fresh);
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

// Not at once: where one short conversation follows another, the next would have to fetch all of it again.
void Program::on_rest()
{
    if (!rest_)
        rest_ = timers_.after(std::chrono::seconds(1), std::bind_front(&Program::on_rested, this));
}

void Program::on_rested()
{
    rest_.reset();
    resting_ = true;
    io_.stop();
}

void Program::end()
{
    over_ = true;
    io_.stop();
}

// An exception that no barrier caught is a bug or a lack of memory; what it was part of is lost, the agent goes on.
void Program::loop()
{
    for (;;) {
        try {
            io_.run();
            if (over_ || !std::exchange(resting_, false))
                return;
            shrink_resident_set();  // here, where the next thing is to wait
            io_.restart();
        } catch (const std::exception& e) {
            log_.write(Log::Level::error, e.what());
        }
    }
}

}  // namespace bellhop
