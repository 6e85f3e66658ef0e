// SPDX-License-Identifier: Apache-2.0
// shutdown(8) as util-linux's and systemd's have it; systemctl(1), pm-utils, Documentation/power/interface.rst on
// /sys/power/state. The signals are those that the init systems' own programs send: BusyBox's halt (which is what the agent as
// process 1 obeys, too), systemd(1) "SIGNALS".
#include "op/child_answer.hpp"
#include "op/helper_words.hpp"
#include "op/jobs.hpp"
#include "os/errors.hpp"
#include "os/programs.hpp"
#include "os/text_file.hpp"

#include <bellhop/fd.hpp>

#include <array>
#include <csignal>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

namespace bellhop::op {
namespace {

constexpr std::chrono::minutes shutting_down{5}, sleeping{15};

// ---- the end

void on_sigterm(int) {}

Status ran(const std::vector<std::string>& argv, const char* task)
{
    std::signal(SIGTERM, &on_sigterm);  // a handler, and not SIG_IGN, which the helper would inherit
    const Result<os::HelperEnd> end = os::run_helper(argv);
    if (!end)
        return end.error();
    if (end->code == 0 || end->code == 128 + SIGTERM)  // an init that is quick sends it to all, the helper too
        return done();
    return Error{Error::Kind::failed, {}, std::string("child process has failed to ") + task + said(*end)};
}

Status signal_init(Power::Mode mode, bool agent_is_init)
{
    char name[PATH_MAX];
    const ssize_t length = ::readlink("/proc/1/exe", name, sizeof name);
    const std::string_view path(name, std::size_t(std::max<ssize_t>(length, 0)));
    const std::string_view program = path.substr(path.rfind('/') + 1);
    std::array<int, 3> signals{};  // powerdown, halt, reboot
    if (agent_is_init || program == "busybox" || program == "bellhop-agent")
        signals = {SIGUSR2, SIGUSR1, SIGTERM};
    else if (program == "systemd")
        signals = {SIGRTMIN + 4, SIGRTMIN + 3, SIGRTMIN + 5};
    else
        return Error{Error::Kind::unsupported, {}, "child process has failed to shutdown: this guest has no program for it"};
    if (::kill(1, signals[std::size_t(mode)]) < 0)
        return os::failure("child process has failed to shutdown: cannot signal process 1");
    return done();
}

Status end_system(const std::string& root, Power::Mode mode, bool agent_is_init)
{
    static constexpr std::array<const char*, 3> programs{"poweroff", "halt", "reboot"}, options{"-P", "-H", "-r"};
    if (agent_is_init && root.empty())  // a program of the guest's would talk to another init than us
        return signal_init(mode, agent_is_init);
    if (const std::string own = root + "/sbin/" + programs[std::size_t(mode)]; os::is_program(own))
        return ran({own}, "shutdown");
    const std::string shutdown = os::find_program(root, "shutdown");
    if (!shutdown.empty())
        return ran({shutdown, "-h", options[std::size_t(mode)], "+0", "hypervisor initiated shutdown"}, "shutdown");
    if (root.empty())
        return signal_init(mode, agent_is_init);
    return Error{Error::Kind::unsupported, {}, "child process has failed to shutdown: this guest has no program for it"};
}

// ---- sleep

struct SleepWords {
    const char *unit, *systemctl, *pm_option, *pm_program, *state;  // state: none for hybrid
};
constexpr std::array<SleepWords, 3> words{{
    {"systemd-hibernate", "hibernate", "--hibernate", "pm-hibernate", "disk"},
    {"systemd-suspend", "suspend", "--suspend", "pm-suspend", "mem"},
    {"systemd-hybrid-sleep", "hybrid-sleep", "--suspend-hybrid", "pm-suspend-hybrid", nullptr},
}};

bool systemd_can(const std::string& systemctl, const SleepWords& mode)
{
    if (systemctl.empty())
        return false;
    const Result<os::HelperEnd> end = os::run_helper({systemctl, "status", mode.unit});
    return end && end->code >= 1 && end->code <= 3;  // it knows the unit; 4: it does not
}

bool pm_can(const std::string& supported, const SleepWords& mode)
{
    const Result<os::HelperEnd> end = supported.empty() ? Error{} : os::run_helper({supported, mode.pm_option});
    return end && end->code == 0;
}

bool kernel_can(const std::string& root, const SleepWords& mode)
{
    if (!mode.state)
        return false;
    const std::string line = os::first_line(root + "/sys/power/state");
    for (std::string_view rest = line, word; !(word = os::next_word(rest)).empty();)
        if (word == mode.state)
            return true;
    return false;
}

Status tell_kernel(const std::string& root, const SleepWords& mode)
{
    const std::string_view word = mode.state;
    const Fd file(::open((root + "/sys/power/state").c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || ::write(file.get(), word.data(), word.size()) < 0)
        return os::failure("suspend: cannot write to '/sys/power/state'");
    return done();
}

// The first way that works; when none does, what the last one said.
Status sleep(const std::string& root, const SleepWords& mode)
{
    Status status = Error{Error::Kind::unsupported, {}, "the requested suspend mode is not supported by the guest"};
    const std::string systemctl = os::find_program(root, "systemctl");
    if (systemd_can(systemctl, mode))
        if (status = ran({systemctl, mode.systemctl}, "suspend"); status)
            return status;
    const std::string pm = os::find_program(root, mode.pm_program);
    if (!pm.empty() && pm_can(os::find_program(root, "pm-is-supported"), mode))
        if (status = ran({pm}, "suspend"); status)
            return status;
    return kernel_can(root, mode) ? tell_kernel(root, mode) : std::move(status);
}

Result<json::Value> nothing_or(Status status)
{
    return status ? Result<json::Value>(json::Value()) : Result<json::Value>(std::move(status.error()));
}

}  // namespace

Begun ask_power(Guest& guest, const Context& context, Power::Request request, Then<Power> then)
{
    const std::string& root = guest.facts.config.root;
    const bool agent_is_init = ::getpid() == 1;
    return ask_child<Power>(
        guest, context, shutting_down, [&] { return nothing_or(end_system(root, request.mode, agent_is_init)); },
        [](Fields) { return Power::Answer{}; }, std::move(then));
}

Begun ask_suspend(Guest& guest, const Context& context, Suspend::Request request, Then<Suspend> then)
{
    const std::string& root = guest.facts.config.root;
    return ask_child<Suspend>(
        guest, context, sleeping, [&] { return nothing_or(sleep(root, words[std::size_t(request.mode)])); },
        [](Fields) { return Suspend::Answer{}; }, std::move(then));
}

}  // namespace bellhop::op
