// SPDX-License-Identifier: Apache-2.0
// getopt_long(3) and not a library: the rules of other agents' command lines have to be ours too, and CLI11 would cost every
// guest 450 KiB of file (docs/decisions/0002). getopt's own messages are silenced: an Error carries ours.
#include "agent/command_line.hpp"

#include "agent/setting_values.hpp"
#include "base/concat.hpp"
#include "os/errors.hpp"
#include "os/text_file.hpp"

#include <algorithm>
#include <cstring>
#include <getopt.h>
#include <unistd.h>

namespace bellhop {
namespace {

constexpr char head[] = R"(usage: bellhop-agent [OPTION]...
Does in this guest what its host asks: run a command, move a file, report state.

  -l ENDPOINT                  as --listen
                                 unix:PATH          a socket of mode 0600
                                 vsock:[CID:]PORT   default CID: any
                                 fd:N               an inherited socket, listening or connected
                                 serial:NAME[,wait] a virtio port, or the path of one or of a serial line
                                 xenstore:[[DOMAIN@]SOCKET]  a Xen guest's store, default: its device; speaks nova
                                 dialects: frames, qga
                               sockets that a service manager hands over (LISTEN_FDS) take the place of the default
  -c, --config FILE            default /etc/bellhop/agent.conf, if it is there; options win over it
      --print-config           what is in force and where each value came from
      --check                  opens what it would listen on, and ends
  -h, --help                   this text
  -V, --version                the version

What the file can set, too (its [GROUP] and key stand behind the text where the name differs):
)";
constexpr char tail[] = R"(
SIGTERM and SIGINT end it when what runs has ended or the drain time is over, a second one at once. SIGHUP reads the file
again. As process 1: SIGUSR2 powers off, SIGUSR1 halts, SIGTERM reboots. Exit status: 0 asked to end, or the inherited connection
ended; 1 an endpoint cannot be had; 2 wrong usage or configuration; 3 this kernel lacks the transport of all endpoints.
Called qemu-ga, or as `bellhop-agent qemu-ga ...`, it takes the options of QEMU's guest agent instead.
)";

constexpr std::size_t largest_file = 1 << 20;
enum Short { first_setting = 256, print_config = 512, check };

std::vector<option> options()
{
    std::vector<option> all;
    for (std::size_t i = 0; i < settings().size(); ++i)
        all.push_back({settings()[i].option, required_argument, nullptr, int(first_setting + i)});
    all.push_back({"config", required_argument, nullptr, 'c'});
    all.push_back({"print-config", no_argument, nullptr, print_config});
    all.push_back({"check", no_argument, nullptr, check});
    all.push_back({"help", no_argument, nullptr, 'h'});
    all.push_back({"version", no_argument, nullptr, 'V'});
    all.push_back({nullptr, 0, nullptr, 0});
    return all;
}

void add(CommandLine& line, const Setting& setting, std::string_view value)
{
    const auto at = std::find_if(line.values.begin(), line.values.end(), [&](const auto& one) { return one.first == &setting; });
    const bool listen = &setting == settings().data();
    std::string text = listen || setting.placeholder == std::string_view("PATH") ? values::escaped(value) : std::string(value);
    if (listen)
        text += ';';
    if (at == line.values.end())
        line.values.emplace_back(&setting, std::move(text));
    else
        at->second = listen ? at->second + text : std::move(text);
}

Result<std::string> read_file(const std::string& path)
{
    Result<std::string> text = os::text_of_file(path, largest_file + 1);
    if (!text)
        return os::failure("cannot read " + path, text.error().os.value());
    if (text->size() > largest_file)
        return values::wrong(path + " is larger than a configuration can be (1 MiB)");
    return text;
}

}  // namespace

std::string help_text()
{
    std::string text = head;
    for (const Setting& one : settings()) {
        std::string left = concat({"      --", one.option, " ", one.placeholder});
        left.resize(std::max<std::size_t>(left.size() + 2, 31), ' ');
        (text += left) += one.help;
        if (std::strcmp(one.option, one.key) != 0)
            text += concat({" ([", one.group, "] ", one.key, ")"});
        text += '\n';
    }
    return text + tail;
}

Result<CommandLine> parse_command_line(int argc, char** argv, StrayWords stray)
{
    using Wants = CommandLine::Wants;
    CommandLine line;
    const std::vector<option> known = options();
    opterr = 0;
    for (int which; (which = ::getopt_long(argc, argv, ":l:c:hV", known.data(), nullptr)) != -1;) {
        // Of a letter that we do not know only optopt tells; in all other cases the word itself has just been passed.
        const auto named = [](const option& one) { return one.name && one.val == optopt; };
        const bool unknown_letter =
            which == '?' && optopt != 0 && optopt != 'l' && std::none_of(known.begin(), known.end(), named);
        const int passed = std::min(optind, argc) - 1;  // musl goes one further for a value that is not there
        const std::string word = unknown_letter ? std::string("-") + char(optopt) : argv[passed];
        if (which == 'h' || which == 'V') {
            line.wants = which == 'h' ? Wants::help : Wants::version;
            return line;
        }
        if (which == ':')
            return values::wrong(word + " needs a value; see bellhop-agent --help");
        if (which == '?')
            return values::wrong(concat({"no such option, or it takes no value: ", word, "; see bellhop-agent --help"}));
        if (which == 'c')
            line.config = optarg;
        else if (which == print_config || which == check)
            line.wants = which == check ? Wants::check : Wants::print_config;
        else
            add(line, settings()[which == 'l' ? 0 : std::size_t(which - first_setting)], optarg);
    }
    if (optind < argc && stray == StrayWords::refused)
        return values::wrong(concat({"'", argv[optind], "' is no option; see bellhop-agent --help"}));
    return line;
}

Result<Settings> CommandLine::load() const
{
    Settings fresh;
    const std::string path = config.value_or(usual_config);
    if (config || ::access(path.c_str(), F_OK) == 0) {
        Result<std::string> text = read_file(path);
        if (!text)
            return std::move(text.error());
        if (Status status = apply_file(fresh, path, *text); !status)
            return std::move(status.error());
    }
    for (const auto& [setting, value] : values)
        if (Status status = set(fresh, *setting, value, "--" + std::string(setting->option)); !status)
            return std::move(status.error());
    return fresh;
}

}  // namespace bellhop
