// SPDX-License-Identifier: Apache-2.0
// Start-up that differs from qemu-ga's: the parent of a daemon ends with 0 when the daemon serves, and not before; and an option
// that is wrong is told before anything has been opened.
#include "agent/qemu_ga.hpp"

#include "agent/daemon.hpp"
#include "agent/program.hpp"
#include "agent/qemu_ga_options.hpp"
#include "agent/version.hpp"
#include "dialect/qga/command.hpp"
#include "os/errors.hpp"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop::qemu_ga {
namespace {

std::string help_text(const std::string& program)
{
    return "usage: " + program + R"( [-m METHOD -p PATH] [OPTION]...
bellhop-agent in the place of QEMU's guest agent: its options, its configuration file.

  -m, --method METHOD       virtio-serial (default), isa-serial, unix-listen, vsock-listen
  -p, --path PATH           the device or socket; vsock-listen: CID:PORT. Default for virtio-serial:
                            /dev/virtio-ports/org.qemu.guest_agent.0, for isa-serial: /dev/ttyS0
  -r, --retry-path          a device that is not there, or held by another agent, is waited for
  -c, --config FILE         default $QGA_CONF or /etc/qemu/qemu-ga.conf, if it is there; options win over it
  -b, --block-rpcs LIST     commands not to be had, separated by commas; "help" prints all names. May be given
                            again. Also: --blacklist
  -a, --allow-rpcs LIST     no other commands than these
      --strict              do not start when a list names a command that there is not
  -F[PATH], --fsfreeze-hook[=PATH]
                            run PATH with "freeze" before and "thaw" after file systems are frozen; default
                            /etc/qemu/fsfreeze-hook
      --skip-unopenable     a mount that cannot be opened does not stop a freeze
      --freeze-lease SECONDS
                            a freeze thaws by itself after so long
  -t, --statedir DIR        where it is marked that file systems are frozen; default /var/run
  -d, --daemonize           go to the background when all is ready
  -f, --pidfile PATH        of -d; default /var/run/qemu-ga.pid
  -l, --logfile PATH        log to its end instead of to standard error
  -v, --verbose             log everything; otherwise errors and warnings
  -D, --dump-conf           what is in force, as a configuration file
  -h, --help                this text
  -V, --version             the version
)";
}

void log(Log::Level level, const std::string& text)
{
    LineLog(level, LogTarget::timed_error).write(level, text);
}

int refuse(const Error& error)
{
    log(Log::Level::error, error.text);
    return 1;
}

int say(const std::string& text)
{
    return std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0 ? 1 : 0;
}

std::string names()
{
    std::string text;
    for (const qga::Command* command : qga::all_commands())
        text += std::string(command->name) + "\n";
    return text;
}

int option_of(int socket, int name)  // -1: it is no socket
{
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

// sd_listen_fds(3). The variables are taken away: what is started later must not find them.
Result<Channel> channel_of_environment()
{
    const auto taken = [](const char* name) {
        const char* const value = std::getenv(name);
        std::string text = value ? value : "";
        ::unsetenv(name);
        return text;
    };
    const std::string pid = taken("LISTEN_PID"), count = taken("LISTEN_FDS");
    ::unsetenv("LISTEN_FDNAMES");
    if (pid != std::to_string(::getpid()) || count.empty() || count == "0")
        return Channel::configured;
    if (count != "1")
        return Error{Error::Kind::bad_request, {}, "qemu-ga only supports listening on one socket"};
    const int domain = option_of(3, SO_DOMAIN);
    if ((domain != AF_UNIX && domain != AF_VSOCK) || option_of(3, SO_ACCEPTCONN) != 1)
        return Error{Error::Kind::bad_request, {}, "descriptor 3, of LISTEN_FDS, is no unix or vsock socket that listens"};
    return Channel::inherited;
}

Status open_log(const std::string& path)
{
    const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644));
    if (!file || ::dup2(file.get(), STDERR_FILENO) < 0)
        return os::failure("unable to open specified log file: " + path);
    return done();
}

Status check_state_directory(const std::string& path)
{
    struct stat about;
    if (::stat(path.c_str(), &about) < 0)
        return os::failure("state directory " + path);
    if (!S_ISDIR(about.st_mode))
        return os::failure("state directory " + path, ENOTDIR);
    return done();
}

Status check_names(const Options& options)
{
    for (const std::string& name : unknown_commands(options)) {
        const std::string text = "a list of commands names '" + name + "', which there is not";
        if (options.strict)
            return Error{Error::Kind::bad_request, {}, text};
        log(Log::Level::warning, text);
    }
    return done();
}

struct Start {
    Options options;
    Channel channel;
    Settings settings;
};

Result<Start> prepare(Options options)
{
    Result<Channel> channel = channel_of_environment();
    if (!channel)
        return std::move(channel.error());
    Result<Settings> settings = settings_of(options, *channel);
    if (!settings)
        return std::move(settings.error());
    if (Status status = check_state_directory(*options.state_directory); !status)
        return std::move(status.error());
    if (Status status = check_names(options); !status)
        return std::move(status.error());
    return Start{std::move(options), *channel, std::move(*settings)};
}

int run(Start start, int argc, char** argv, Init* init)
{
    std::optional<Daemon> daemon;
    if (start.options.daemon)
        if (Status status = daemon.emplace().start(*start.options.pid_file); !status)
            return refuse(status.error());
    if (start.options.log_file)
        if (Status status = open_log(*start.options.log_file); !status)
            return refuse(status.error());
    const auto load = [argc, argv, channel = start.channel]() -> Result<Settings> {
        Result<Options> options = read_options(argc, argv);
        return options ? settings_of(*options, channel) : std::move(options.error());
    };
    const auto on_ready = [&] {
        if (daemon)
            daemon->ready(start.options.log_file ? Daemon::Log::kept : Daemon::Log::none);
    };
    const int status = Program(load, std::move(start.settings), init, on_ready).run();
    return status == 2 ? 1 : status;  // as qemu-ga's
}

}  // namespace

bool is_meant(int& argc, char**& argv)
{
    const std::string_view called = argc > 0 ? argv[0] : "";
    if (called.substr(called.rfind('/') + 1) == "qemu-ga")
        return true;
    if (argc < 2 || argv[1] != std::string_view("qemu-ga"))
        return false;
    --argc;
    ++argv;
    return true;
}

int serve(int argc, char** argv, Init* init)
{
    using Wants = Options::Wants;
    Result<Options> options = read_options(argc, argv);
    if (!options)
        return refuse(options.error());
    switch (options->wants) {
    case Wants::usage:
        say(std::string("Unknown option, try '") + argv[0] + " --help' for more information.\n");
        return 1;
    case Wants::help:
        return say(help_text(argv[0]));
    case Wants::version:
        return say(std::string("QEMU Guest Agent ") + version + "\n");
    case Wants::names:
        return say(names());
    case Wants::dump:
        if (Status status = check_path(*options); !status)
            return refuse(status.error());
        return say(dump(*options));
    case Wants::serve:
        break;
    }
    Result<Start> start = prepare(std::move(*options));
    return start ? run(std::move(*start), argc, argv, init) : refuse(start.error());
}

}  // namespace bellhop::qemu_ga
