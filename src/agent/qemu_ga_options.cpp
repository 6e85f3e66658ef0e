// SPDX-License-Identifier: Apache-2.0
// QEMU's docs/interop/qemu-ga.rst; where that and the program differ, the program, as observed. Lists are separated by commas
// there; here by ';' and blanks as well, since a list that was meant otherwise blocks nothing and does not say so.
#include "agent/qemu_ga_options.hpp"

#include "agent/setting_values.hpp"
#include "base/key_file.hpp"
#include "base/utf8.hpp"
#include "dialect/qga/command.hpp"
#include "os/text_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <getopt.h>

namespace bellhop::qemu_ga {
namespace {

constexpr char usual_config[] = "/etc/qemu/qemu-ga.conf", usual_hook[] = "/etc/qemu/fsfreeze-hook";
constexpr char usual_state_directory[] = "/var/run", usual_pid_file[] = "/var/run/qemu-ga.pid";

enum LongOnly { strict = 256, skip_unopenable, freeze_lease };

constexpr option long_options[] = {
    {"allow-rpcs", required_argument, nullptr, 'a'},
    {"blacklist", required_argument, nullptr, 'b'},  // what it was called up to version 9.0
    {"block-rpcs", required_argument, nullptr, 'b'},
    {"config", required_argument, nullptr, 'c'},
    {"daemonize", no_argument, nullptr, 'd'},
    {"dump-conf", no_argument, nullptr, 'D'},
    {"freeze-lease", required_argument, nullptr, freeze_lease},
    {"fsfreeze-hook", optional_argument, nullptr, 'F'},
    {"help", no_argument, nullptr, 'h'},
    {"logfile", required_argument, nullptr, 'l'},
    {"method", required_argument, nullptr, 'm'},
    {"path", required_argument, nullptr, 'p'},
    {"pidfile", required_argument, nullptr, 'f'},
    {"retry-path", no_argument, nullptr, 'r'},
    {"skip-unopenable", no_argument, nullptr, skip_unopenable},
    {"statedir", required_argument, nullptr, 't'},
    {"strict", no_argument, nullptr, strict},
    {"verbose", no_argument, nullptr, 'v'},
    {"version", no_argument, nullptr, 'V'},
    {nullptr, 0, nullptr, 0},
};

struct Text {
    std::string_view key;
    std::optional<std::string> Options::*member;
    int letter;
};
constexpr Text texts[] = {
    {"method", &Options::method, 'm'},
    {"path", &Options::path, 'p'},
    {"logfile", &Options::log_file, 'l'},
    {"pidfile", &Options::pid_file, 'f'},
    {"fsfreeze-hook", &Options::hook, 'F'},
    {"statedir", &Options::state_directory, 't'},
    {"freeze-lease", &Options::freeze_lease, freeze_lease},
};

struct Switch {
    std::string_view key;
    bool Options::*member;
    int letter;
};
constexpr Switch switches[] = {
    {"daemon", &Options::daemon, 'd'},
    {"verbose", &Options::verbose, 'v'},
    {"retry-path", &Options::retry, 'r'},
    {"strict", &Options::strict, strict},
    {"skip-unopenable", &Options::skip_unopenable, skip_unopenable},
};

struct List {
    std::string_view key;
    std::vector<std::string> Options::*member;
    int letter;
};
constexpr List lists[] = {
    {"block-rpcs", &Options::blocked, 'b'},
    {"blacklist", &Options::blocked, 0},
    {"allow-rpcs", &Options::allowed, 'a'},
};

void add(std::vector<std::string>& list, std::string_view text)
{
    const auto begin = std::ptrdiff_t(list.size());
    for (bool more = !text.empty(); more;) {
        const std::size_t comma = text.find(',');
        more = comma != text.npos;
        list.emplace_back(text.substr(0, comma));
        text.remove_prefix(more ? comma + 1 : 0);
    }
    std::reverse(list.begin() + begin, list.end());
}

// ---- the file

Error unusable(const std::string& path, const std::string& why)
{
    return values::wrong("error loading configuration from path: " + path + ", " + why);
}

bool is_utf8(std::string_view text)
{
    for (std::size_t at = 0, length; at < text.size(); at += length)
        if ((length = utf8::length_at(text, at)) == 0)
            return false;
    return true;
}

Status set(Options& options, const key_file::Entry& entry)
{
    const auto named = [&](const auto& one) { return one.key == entry.key; };
    const auto text = std::find_if(std::begin(texts), std::end(texts), named);
    const auto list = std::find_if(std::begin(lists), std::end(lists), named);
    const auto flag = std::find_if(std::begin(switches), std::end(switches), named);
    if (flag != std::end(switches)) {
        const std::string value = entry.value.substr(0, entry.value.find_last_not_of(" \t") + 1);
        const bool on = value == "true" || value == "1";
        if (!on && value != "false" && value != "0")
            return values::wrong("line " + std::to_string(entry.line) + ": " + entry.key + " takes true or false, not '" + value +
                                 "'");
        options.*flag->member = on;
        return done();
    }
    if (text == std::end(texts) && list == std::end(lists))
        return done();  // of another version, perhaps
    Result<std::string> value = key_file::plain(entry.value);
    if (!value || !is_utf8(*value))
        return values::wrong("line " + std::to_string(entry.line) + ": " +
                             (value ? entry.key + " is not UTF-8" : value.error().text));
    if (text != std::end(texts))
        options.*text->member = std::move(*value);
    else
        add(options.*list->member, *value);
    return done();
}

Status read_config(Options& options, const std::optional<std::string>& named)
{
    const char* const variable = std::getenv("QGA_CONF");
    const std::string path = named ? *named : variable ? variable : usual_config;
    const Result<std::string> content = os::text_of_file(path);
    if (!content && !named && content.error().os == std::errc::no_such_file_or_directory)
        return done();
    if (!content)
        return unusable(path, content.error().text);
    Result<std::vector<key_file::Entry>> entries = key_file::parse(*content);
    if (!entries)
        return unusable(path, entries.error().text);
    for (auto at = entries->begin(); at != entries->end(); ++at) {
        const auto again = [&](const key_file::Entry& other) { return other.group == at->group && other.key == at->key; };
        if (at->group != "general" || std::any_of(at + 1, entries->end(), again))
            continue;  // of a key that comes again the last counts
        if (Status status = set(options, *at); !status)
            return unusable(path, status.error().text);
    }
    return done();
}

// ---- the command line

using Wants = Options::Wants;

Wants wants_at_once(int letter, std::string_view value)  // whatever the rest of the line says
{
    switch (letter) {
    case 'h':
        return Wants::help;
    case 'V':
        return Wants::version;
    case '?':
        return Wants::usage;
    case 'a':
    case 'b':
        return value == "help" || value == "?" ? Wants::names : Wants::serve;
    default:
        return Wants::serve;
    }
}

void set(Options& options, int letter, const char* value)
{
    for (const Text& one : texts)
        if (one.letter == letter)
            options.*one.member = value ? value : usual_hook;  // -F alone
    for (const Switch& one : switches)
        if (one.letter == letter)
            options.*one.member = true;
    for (const List& one : lists)
        if (one.letter == letter)
            add(options.*one.member, value);
    if (letter == 'D')
        options.wants = Wants::dump;
}

// ---- what it comes to

std::vector<std::string> names_in(const std::vector<std::string>& list)
{
    std::vector<std::string> names;
    for (const std::string& words : list)
        for (std::string& name : values::words_of(words))
            names.push_back(std::move(name));
    return names;
}

std::string escaped(const std::string& value)
{
    std::string text;
    bool leading = true;
    for (char c : value) {
        leading = leading && (c == ' ' || c == '\t');
        if (leading)
            text += c == ' ' ? "\\s" : "\\t";
        else if (c == '\n' || c == '\r' || c == '\\')
            text += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\\\";
        else
            text += c;
    }
    return text;
}

std::string joined(const std::vector<std::string>& words)
{
    std::string text;
    for (const std::string& word : words)
        text += (&word == words.data() ? "" : ",") + word;
    return text;
}

Result<Endpoint> endpoint_of(const Options& options)
{
    const std::string &method = *options.method, &path = *options.path;
    if (method == "virtio-serial" || method == "isa-serial")
        return Endpoint{"serial", path + (options.retry ? ",wait" : ""), "qga"};
    if (method == "unix-listen")
        return Endpoint{"unix", path, "qga"};
    if (method != "vsock-listen")
        return values::wrong("unsupported channel method/type: " + method);
    if (path.find(':') == path.npos)
        return values::wrong("error parsing address '" + path + "': it is CID:PORT");
    return Endpoint{"vsock", path, "qga"};
}

}  // namespace

Result<Options> read_options(int argc, char** argv)
{
    Options options;
    std::optional<std::string> config;
    std::vector<std::pair<int, const char*>> given;
    optind = 0;  // anew
    for (int letter; (letter = ::getopt_long(argc, argv, "hVvdDrm:p:l:f:F::b:a:t:c:", long_options, nullptr)) != -1;) {
        options.wants = wants_at_once(letter, optarg ? optarg : "");
        if (options.wants != Wants::serve)
            return options;
        if (letter == 'c')
            config = optarg;
        else
            given.emplace_back(letter, optarg);
    }
    if (Status status = read_config(options, config); !status)
        return std::move(status.error());
    for (const auto& [letter, value] : given)
        set(options, letter, value);
    if (!options.method)
        options.method = "virtio-serial";
    if (!options.path && *options.method == "virtio-serial")
        options.path = "/dev/virtio-ports/org.qemu.guest_agent.0";
    if (!options.path && *options.method == "isa-serial")
        options.path = "/dev/ttyS0";
    if (!options.state_directory)
        options.state_directory = usual_state_directory;
    if (!options.pid_file)
        options.pid_file = usual_pid_file;
    return options;
}

std::string dump(const Options& options)
{
    std::string all = "[general]\n";
    const auto line = [&](std::string_view key, const std::string& value) {
        all += std::string(key) + "=" + escaped(value) + "\n";
    };
    const auto on_or_off = [](bool on) { return std::string(on ? "true" : "false"); };
    line("daemon", on_or_off(options.daemon));
    for (const Text& one : texts)
        if (const auto& value = options.*one.member; value && one.letter != freeze_lease)
            line(one.key, *value);
    line("verbose", on_or_off(options.verbose));
    line("retry-path", on_or_off(options.retry));
    line("block-rpcs", joined(options.blocked));
    line("allow-rpcs", joined(options.allowed));
    // Ours; absent when they are not used, so that the rest is what qemu-ga prints.
    if (options.strict)
        line("strict", "true");
    if (options.skip_unopenable)
        line("skip-unopenable", "true");
    if (options.freeze_lease)
        line("freeze-lease", *options.freeze_lease);
    return all;
}

Status check_path(const Options& options)
{
    return options.path ? done() : values::wrong("must specify a path for this channel");
}

Result<Settings> settings_of(const Options& options, Channel channel)
{
    Settings settings;
    settings.log_level = options.verbose ? Log::Level::debug : Log::Level::warning;
    settings.log_target = LogTarget::timed_error;
    Qga& qga = settings.config.qga;
    qga.block_rpcs = names_in(options.blocked);
    if (!options.allowed.empty())
        qga.allow_rpcs = names_in(options.allowed);
    qga.state_directory = *options.state_directory;
    qga.freeze_hook = options.hook.value_or("");
    qga.skip_unopenable = options.skip_unopenable;
    if (options.freeze_lease)
        if (Status status = values::set_time(qga.freeze_lease, *options.freeze_lease); !status)
            return values::wrong("freeze-lease " + status.error().text);
    if (channel == Channel::inherited) {
        settings.config.listen = {{"fd", "3", "qga"}};
        return settings;
    }
    if (Status status = check_path(options); !status)
        return std::move(status.error());
    Result<Endpoint> endpoint = endpoint_of(options);
    if (!endpoint)
        return std::move(endpoint.error());
    settings.config.listen = {std::move(*endpoint)};
    return settings;
}

std::vector<std::string> unknown_commands(const Options& options)
{
    std::vector<std::string> names = names_in(options.blocked), allowed = names_in(options.allowed);
    names.insert(names.end(), allowed.begin(), allowed.end());
    std::erase_if(names, [](const std::string& name) { return qga::find_command(name) != nullptr; });
    return names;
}

}  // namespace bellhop::qemu_ga
