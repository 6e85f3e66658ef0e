// SPDX-License-Identifier: Apache-2.0
// getopt_long(3) and not a library: the rules of other agents' command lines have to be ours too, and CLI11 would cost every
// guest 450 KiB of file (docs/decisions/0002). getopt's own messages are silenced: an Error carries ours.
#include "agent/command_line.hpp"

#include "agent/line_log.hpp"
#include "agent/version.hpp"
#include "base/endpoint.hpp"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <getopt.h>

namespace bellhop {
namespace {

constexpr char help[] = R"(usage: bellhop-agent [OPTION]...
Does in this guest what its host asks: run a command, move a file, report state.

  -l, --listen ENDPOINT        TRANSPORT:ADDRESS[=DIALECT], may be given again; default vsock:1024=frames
                                 unix:PATH          a socket of mode 0600
                                 vsock:[CID:]PORT   default CID: any
                                 fd:N               an inherited socket, listening or connected
                                 dialects: frames
      --log-level LEVEL        error, warning, info (default), debug; lines go to standard error
      --max-connections N      at a time; default 256
      --max-runs N             commands at a time, more wait in order; default 64
      --max-frame BYTES        of one message; default 16777216, which is also the most
      --max-buffered BYTES     of all peers' unfinished requests together; default 67108864
      --idle-timeout SECONDS   for a peer that owes us bytes; default 60
      --stall-timeout SECONDS  for a peer that does not take ours; default 3600
      --grace SECONDS          for output of what a finished command left running; default 0.2
  -h, --help                   this text
  -V, --version                the version

It runs until SIGTERM or SIGINT. Exit status: 0 asked to end, or the inherited connection ended; 1 an endpoint cannot be
had; 2 wrong usage.
)";

enum Name { max_connections = 256, max_runs, max_frame, max_buffered, idle_timeout, stall_timeout, grace, log_level };

constexpr option options[] = {
    {"listen", required_argument, nullptr, 'l'},
    {"log-level", required_argument, nullptr, log_level},
    {"max-connections", required_argument, nullptr, max_connections},
    {"max-runs", required_argument, nullptr, max_runs},
    {"max-frame", required_argument, nullptr, max_frame},
    {"max-buffered", required_argument, nullptr, max_buffered},
    {"idle-timeout", required_argument, nullptr, idle_timeout},
    {"stall-timeout", required_argument, nullptr, stall_timeout},
    {"grace", required_argument, nullptr, grace},
    {"help", no_argument, nullptr, 'h'},
    {"version", no_argument, nullptr, 'V'},
    {nullptr, 0, nullptr, 0},
};

std::string option_name(int which)
{
    for (const option& one : options)
        if (one.name && one.val == which)
            return std::string("--") + one.name;
    return {};
}

Error wrong(std::string text)
{
    return {Error::Kind::bad_request, {}, std::move(text)};
}

Result<std::size_t> count_of(int which, std::string_view text, std::size_t least, std::size_t most)
{
    std::size_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || value < least || value > most)
        return wrong(option_name(which) + " takes a whole number from " + std::to_string(least) + " to " + std::to_string(most) +
                     ", not '" + std::string(text) + "'");
    return value;
}

Result<std::chrono::milliseconds> time_of(int which, const char* text)
{
    char* end;
    errno = 0;
    const double seconds = std::strtod(text, &end);
    if (end == text || *end || errno || !(seconds >= 0 && seconds <= 365 * 86400.0))
        return wrong(option_name(which) + " takes seconds, not '" + text + "'");
    return std::chrono::milliseconds(std::int64_t(seconds * 1000));
}

template <class To, class From> Status store(To& to, Result<From> from)
{
    if (!from)
        return std::move(from.error());
    to = std::move(*from);
    return done();
}

Status apply(CommandLine& line, int which, const char* value)
{
    constexpr std::size_t gigabyte = 1 << 30;
    Limits& limits = line.config.limits;
    switch (which) {
    case 'l':
        return store(line.config.listen.emplace_back(), parse_endpoint(value));
    case log_level:
        return store(line.log_level, parse_level(value));
    case max_connections:
        return store(limits.connections, count_of(which, value, 1, 1'000'000));
    case max_runs:
        return store(limits.runs, count_of(which, value, 1, 1'000'000));
    case max_frame:
        return store(limits.frame, count_of(which, value, 1024, 16 << 20));
    case max_buffered:
        return store(limits.buffered, count_of(which, value, 4096, gigabyte));
    case idle_timeout:
        return store(limits.idle, time_of(which, value));
    case stall_timeout:
        return store(limits.stall, time_of(which, value));
    default:
        return store(line.config.grace, time_of(which, value));
    }
}

}  // namespace

Result<std::variant<CommandLine, Text>> parse_command_line(int argc, char** argv)
{
    using Outcome = std::variant<CommandLine, Text>;
    CommandLine line;
    opterr = 0;
    for (int which; (which = ::getopt_long(argc, argv, ":l:hV", options, nullptr)) != -1;) {
        // Of a letter that we do not know only optopt tells; in all other cases the word itself has just been passed.
        const bool unknown_letter = which == '?' && optopt != 0 && option_name(optopt).empty();
        const std::string word = unknown_letter ? std::string("-") + char(optopt) : argv[optind - 1];
        if (which == 'h')
            return Outcome(Text{help});
        if (which == 'V')
            return Outcome(Text{std::string("bellhop-agent ") + version + "\n"});
        if (which == ':')
            return wrong(word + " needs a value; see bellhop-agent --help");
        if (which == '?')
            return wrong("no such option, or it takes no value: " + word + "; see bellhop-agent --help");
        if (Status status = apply(line, which, optarg); !status)
            return std::move(status.error());
    }
    if (optind < argc)
        return wrong(std::string("'") + argv[optind] + "' is no option; see bellhop-agent --help");
    if (line.config.listen.empty())
        line.config.listen.push_back({"vsock", "1024", "frames"});
    return Outcome(std::move(line));
}

}  // namespace bellhop
