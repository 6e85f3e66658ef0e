// SPDX-License-Identifier: Apache-2.0
// The rows of agent.conf(5): how each setting is read and shown.
#include "agent/setting_values.hpp"
#include "agent/settings.hpp"
#include "base/endpoint.hpp"
#include "base/key_file.hpp"

namespace bellhop {
namespace {

using namespace values;

constexpr std::string_view target_names[] = {"stderr", "kmsg", "journal", "stderr-timed"};
constexpr std::string_view switch_names[] = {"false", "true"};

Status set_listen(Settings& s, std::string_view value)
{
    Result<std::vector<std::string>> words = key_file::list(value);
    if (!words)
        return std::move(words.error());
    std::vector<Endpoint> all;
    for (const std::string& word : *words) {
        Result<Endpoint> one = parse_endpoint(word);
        if (!one)
            return std::move(one.error());
        all.push_back(std::move(*one));
    }
    s.config.listen = std::move(all);
    return done();
}
std::string show_listen(const Settings& s)
{
    std::string text;
    for (const Endpoint& one : s.config.listen)
        text += escaped(text_of(one)) + ";";
    return text;
}

template <std::size_t Limits::*member, std::size_t least, std::size_t most> Status set_limit(Settings& s, std::string_view value)
{
    return set_count(s.config.limits.*member, value, least, most);
}
template <std::size_t Limits::*member> std::string show_limit(const Settings& s)
{
    return std::to_string(s.config.limits.*member);
}

template <std::chrono::milliseconds Limits::*member> Status set_limit_time(Settings& s, std::string_view value)
{
    return set_time(s.config.limits.*member, value);
}
template <std::chrono::milliseconds Limits::*member> std::string show_limit_time(const Settings& s)
{
    return time_text(s.config.limits.*member);
}

template <std::vector<std::string> Rules::*member> Status set_names(Settings& s, std::string_view value)
{
    s.config.rules.*member = words_of(value);
    return done();
}
template <std::vector<std::string> Rules::*member> std::string show_names(const Settings& s)
{
    return joined(s.config.rules.*member);
}

Status set_level(Settings& s, std::string_view value)
{
    Result<Log::Level> level = parse_level(value);
    if (!level)
        return std::move(level.error());
    s.log_level = *level;
    return done();
}
std::string show_level(const Settings& s)
{
    return std::string(level_names[std::size_t(s.log_level)]);
}

Status set_target(Settings& s, std::string_view value)
{
    Result<std::size_t> index = index_of(target_names, value);
    if (!index)
        return std::move(index.error());
    s.log_target = LogTarget(*index);
    return done();
}
std::string show_target(const Settings& s)
{
    return std::string(target_names[std::size_t(s.log_target)]);
}

Status set_grace(Settings& s, std::string_view value)
{
    return set_time(s.config.grace, value);
}
std::string show_grace(const Settings& s)
{
    return time_text(s.config.grace);
}

template <std::chrono::milliseconds Commands::*member> Status set_command_time(Settings& s, std::string_view value)
{
    std::chrono::milliseconds time{};
    if (Status status = set_time(time, value); !status)
        return status;
    if (time.count() == 0)
        return wrong("takes more than 0 seconds");
    s.config.commands.*member = time;
    return done();
}
template <std::chrono::milliseconds Commands::*member> std::string show_command_time(const Settings& s)
{
    return time_text(s.config.commands.*member);
}

Status set_root(Settings& s, std::string_view value)
{
    Result<std::string> path = key_file::plain(value);
    if (!path)
        return std::move(path.error());
    if (!path->empty() && !path->starts_with('/'))
        return wrong("takes an absolute path, not '" + *path + "'");
    s.config.root = *path == "/" ? std::string() : *path;
    return done();
}
std::string show_root(const Settings& s)
{
    return s.config.root.empty() ? "/" : escaped(s.config.root);
}

Status set_cids(Settings& s, std::string_view value)
{
    Result<std::vector<std::uint32_t>> numbers = numbers_of(value);
    if (!numbers)
        return std::move(numbers.error());
    s.config.peers.cids = std::move(*numbers);
    return done();
}
std::string show_cids(const Settings& s)
{
    return joined(s.config.peers.cids);
}

Status set_uids(Settings& s, std::string_view value)
{
    if (value == "usual")
        return s.config.peers.uids.reset(), done();
    Result<std::vector<std::uint32_t>> numbers = numbers_of(value);
    if (!numbers)
        return std::move(numbers.error());
    s.config.peers.uids = std::move(*numbers);
    return done();
}
std::string show_uids(const Settings& s)
{
    return s.config.peers.uids ? joined(*s.config.peers.uids) : "usual";
}

Status set_blocked_rpcs(Settings& s, std::string_view value)
{
    s.config.qga.block_rpcs = words_of(value);
    return done();
}
std::string show_blocked_rpcs(const Settings& s)
{
    return joined(s.config.qga.block_rpcs);
}

Status set_allowed_rpcs(Settings& s, std::string_view value)
{
    s.config.qga.allow_rpcs.reset();
    if (!value.empty())
        s.config.qga.allow_rpcs = words_of(value);
    return done();
}
std::string show_allowed_rpcs(const Settings& s)  // ";": none, which is not the same as nothing
{
    if (!s.config.qga.allow_rpcs)
        return {};
    return s.config.qga.allow_rpcs->empty() ? ";" : joined(*s.config.qga.allow_rpcs);
}

template <std::string Qga::*member> Status set_path(Settings& s, std::string_view value)
{
    Result<std::string> path = key_file::plain(value);
    if (!path)
        return std::move(path.error());
    if (!path->starts_with('/') && (!path->empty() || member == &Qga::state_directory))
        return wrong("takes an absolute path, not '" + *path + "'");
    s.config.qga.*member = std::move(*path);
    return done();
}
template <std::string Qga::*member> std::string show_path(const Settings& s)
{
    return escaped(s.config.qga.*member);
}

Status set_skip_unopenable(Settings& s, std::string_view value)
{
    Result<std::size_t> index = index_of(switch_names, value);
    if (!index)
        return std::move(index.error());
    s.config.qga.skip_unopenable = *index == 1;
    return done();
}
std::string show_skip_unopenable(const Settings& s)
{
    return std::string(switch_names[s.config.qga.skip_unopenable]);
}

Status set_freeze_lease(Settings& s, std::string_view value)
{
    return set_time(s.config.qga.freeze_lease, value);
}
std::string show_freeze_lease(const Settings& s)
{
    return time_text(s.config.qga.freeze_lease);
}

Status set_provider(Settings& s, std::string_view value)
{
    s.config.nova.provider = std::string(value);
    return done();
}
std::string show_provider(const Settings& s)
{
    return s.config.nova.provider;
}

Status set_kmsactivate(Settings& s, std::string_view value)
{
    Result<std::size_t> index = index_of(switch_names, value);
    if (!index)
        return std::move(index.error());
    s.config.nova.kmsactivate = *index == 1;
    return done();
}
std::string show_kmsactivate(const Settings& s)
{
    return std::string(switch_names[s.config.nova.kmsactivate]);
}

constexpr std::size_t million = 1'000'000, gigabyte = 1 << 30;
using When = Setting::When;

constexpr Setting all[] = {
    {"agent", "listen", "listen", "ENDPOINT", "TRANSPORT:ADDRESS[=DIALECT], may be given again; default vsock:1024=frames",
     When::restart, &set_listen, &show_listen},
    {"agent", "log-level", "log-level", "LEVEL", "error, warning, info (default), debug", When::reload, &set_level, &show_level},
    {"agent", "log-target", "log-target", "TARGET", "stderr (default), stderr-timed, kmsg, journal", When::reload, &set_target,
     &show_target},
    {"agent", "root", "root", "PATH", "before the paths of the guest's own files; for tests", When::restart, &set_root,
     &show_root},
    {"limits", "connections", "max-connections", "N", "at a time; default 256", When::reload,
     &set_limit<&Limits::connections, 1, million>, &show_limit<&Limits::connections>},
    {"limits", "runs", "max-runs", "N", "commands at a time, more wait in order; default 64", When::reload,
     &set_limit<&Limits::runs, 1, million>, &show_limit<&Limits::runs>},
    {"limits", "frame", "max-frame", "BYTES", "of one message; default 16777216, which is also the most", When::reload,
     &set_limit<&Limits::frame, 1024, 16 << 20>, &show_limit<&Limits::frame>},
    {"limits", "buffered", "max-buffered", "BYTES", "of all peers' unfinished requests together; default 67108864", When::reload,
     &set_limit<&Limits::buffered, 4096, gigabyte>, &show_limit<&Limits::buffered>},
    {"limits", "idle-timeout", "idle-timeout", "SECONDS", "for a peer that owes us bytes; default 60", When::reload,
     &set_limit_time<&Limits::idle>, &show_limit_time<&Limits::idle>},
    {"limits", "stall-timeout", "stall-timeout", "SECONDS", "for a peer that does not take ours; default 3600", When::reload,
     &set_limit_time<&Limits::stall>, &show_limit_time<&Limits::stall>},
    {"limits", "drain-timeout", "drain-timeout", "SECONDS", "for what runs when the agent is to end; default 2", When::reload,
     &set_limit_time<&Limits::drain>, &show_limit_time<&Limits::drain>},
    {"limits", "grace", "grace", "SECONDS", "for output of what a finished command left running; default 0.2", When::reload,
     &set_grace, &show_grace},
    {"peers", "vsock-cids", "vsock-cids", "LIST", "that may connect; default 2, the host", When::reload, &set_cids, &show_cids},
    {"peers", "unix-uids", "unix-uids", "LIST", "that may connect; default usual: our own and root", When::reload, &set_uids,
     &show_uids},
    {"operations", "allow", "allow", "LIST", "only these operations; default all", When::reload, &set_names<&Rules::allowed>,
     &show_names<&Rules::allowed>},
    {"operations", "block", "block", "LIST", "not these operations; default none", When::reload, &set_names<&Rules::blocked>,
     &show_names<&Rules::blocked>},
    {"commands", "time-limit", "command-time-limit", "SECONDS", "of an own command whose caller names none; default 60",
     When::reload, &set_command_time<&Commands::time_limit>, &show_command_time<&Commands::time_limit>},
    {"commands", "max-time-limit", "max-command-time-limit", "SECONDS", "of any own command; default 3600", When::reload,
     &set_command_time<&Commands::max_time_limit>, &show_command_time<&Commands::max_time_limit>},
    {"qga", "block-rpcs", "block-rpcs", "LIST", "not these commands of QEMU's guest agent; default none", When::reload,
     &set_blocked_rpcs, &show_blocked_rpcs},
    {"qga", "allow-rpcs", "allow-rpcs", "LIST", "only these commands of QEMU's guest agent; default all", When::reload,
     &set_allowed_rpcs, &show_allowed_rpcs},
    {"qga", "state-directory", "state-directory", "PATH", "where a freeze is marked; default /run", When::restart,
     &set_path<&Qga::state_directory>, &show_path<&Qga::state_directory>},
    {"qga", "freeze-hook", "freeze-hook", "PATH", "run with freeze before and thaw after a freeze; default none", When::reload,
     &set_path<&Qga::freeze_hook>, &show_path<&Qga::freeze_hook>},
    {"qga", "skip-unopenable", "skip-unopenable", "BOOL", "a mount that cannot be opened does not stop a freeze; default false",
     When::reload, &set_skip_unopenable, &show_skip_unopenable},
    {"qga", "freeze-lease", "freeze-lease", "SECONDS", "after which a freeze thaws by itself; default 0, never", When::reload,
     &set_freeze_lease, &show_freeze_lease},
    {"nova", "provider", "provider", "NAME", "serve only guests whose vm-data/provider_data/provider says so; default any",
     When::reload, &set_provider, &show_provider},
    {"nova", "kmsactivate", "kmsactivate", "BOOL", "there is the command kmsactivate; default false", When::reload,
     &set_kmsactivate, &show_kmsactivate},
};

}  // namespace

std::span<const Setting> settings()
{
    return all;
}

Result<Log::Level> parse_level(std::string_view name)
{
    Result<std::size_t> index = index_of(level_names, name);
    if (!index)
        return std::move(index.error());
    return Log::Level(*index);
}

}  // namespace bellhop
