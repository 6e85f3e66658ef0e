// SPDX-License-Identifier: Apache-2.0
// The rows of agent.conf(5): how each setting is read and shown.
#include "agent/setting_values.hpp"
#include "agent/settings.hpp"
#include "base/concat.hpp"
#include "base/endpoint.hpp"
#include "base/key_file.hpp"

namespace bellhop {
namespace {

using namespace values;

constexpr std::string_view target_names[] = {"stderr", "kmsg", "journal", "stderr-timed"};
constexpr std::string_view switch_names[] = {"false", "true"};

namespace kinds {

// A setting's kind of two functions that know its type.
template <class T, Status (*set)(T&, std::string_view, const Setting&), std::string (*show)(const T&)>
constexpr Setting::Kind kind{
    [](void* place, std::string_view value, const Setting& one) { return set(*static_cast<T*>(place), value, one); },
    [](const void* place) { return show(*static_cast<const T*>(place)); }};

// What is right takes the place of what was there.
template <class T> Status take(T& to, Result<T> value)
{
    if (!value)
        return std::move(value.error());
    to = std::move(*value);
    return done();
}

Status set_endpoints(std::vector<Endpoint>& to, std::string_view value, const Setting&)
{
    Result<std::vector<std::string>> words = key_file::list(value);
    if (!words)
        return std::move(words.error());
    std::vector<Endpoint> all(words->size());
    for (std::size_t i = 0; i < all.size(); ++i)
        if (Status status = take(all[i], parse_endpoint((*words)[i])); !status)
            return status;
    to = std::move(all);
    return done();
}
std::string show_endpoints(const std::vector<Endpoint>& all)
{
    std::string text;
    for (const Endpoint& one : all)
        text += escaped(text_of(one)) + ";";
    return text;
}
constexpr const Setting::Kind* endpoints = &kind<std::vector<Endpoint>, set_endpoints, show_endpoints>;

Status set_number(std::size_t& to, std::string_view value, const Setting& setting)
{
    return set_count(to, value, setting.least, setting.most);
}
std::string show_number(const std::size_t& number)
{
    return std::to_string(number);
}
constexpr const Setting::Kind* number = &kind<std::size_t, set_number, show_number>;

using Milliseconds = std::chrono::milliseconds;
Status set_seconds(Milliseconds& to, std::string_view value, const Setting& setting)
{
    Milliseconds read{};
    if (Status status = set_time(read, value); !status)
        return status;
    if (read.count() < setting.least)
        return wrong("takes more than 0 seconds");
    to = read;
    return done();
}
std::string show_seconds(const Milliseconds& seconds)
{
    return time_text(seconds);
}
constexpr const Setting::Kind* seconds = &kind<Milliseconds, set_seconds, show_seconds>;

template <class T, const auto& names> Status set_choice(T& to, std::string_view value, const Setting&)
{
    Result<std::size_t> index = index_of(names, value);
    if (!index)
        return std::move(index.error());
    to = T(*index);
    return done();
}
template <class T, const auto& names> std::string show_choice(const T& choice)
{
    return std::string(names[std::size_t(choice)]);
}
template <class T, const auto& names> constexpr const Setting::Kind* choice =
    &kind<T, set_choice<T, names>, show_choice<T, names>>;

using Words = std::vector<std::string>;
Status set_words(Words& to, std::string_view value, const Setting&)
{
    to = words_of(value);
    return done();
}
std::string show_words(const Words& some)
{
    return joined(some);
}
constexpr const Setting::Kind* words = &kind<Words, set_words, show_words>;

Status set_maybe_words(std::optional<Words>& to, std::string_view value, const Setting&)
{
    to.reset();
    if (!value.empty())
        to = words_of(value);
    return done();
}
std::string show_maybe_words(const std::optional<Words>& some)  // ";": none, which is not the same as nothing
{
    return !some ? "" : some->empty() ? ";" : joined(*some);
}
constexpr const Setting::Kind* maybe_words = &kind<std::optional<Words>, set_maybe_words, show_maybe_words>;

using Numbers = std::vector<std::uint32_t>;
Status set_numbers(Numbers& to, std::string_view value, const Setting&)
{
    return take(to, numbers_of(value));
}
std::string show_numbers(const Numbers& some)
{
    return joined(some);
}
constexpr const Setting::Kind* numbers = &kind<Numbers, set_numbers, show_numbers>;

Status set_users(std::optional<Numbers>& to, std::string_view value, const Setting&)
{
    if (value == "usual")
        return to.reset(), done();
    Numbers some;
    if (Status status = take(some, numbers_of(value)); !status)
        return status;
    to = std::move(some);
    return done();
}
std::string show_users(const std::optional<Numbers>& some)
{
    return some ? joined(*some) : "usual";
}
constexpr const Setting::Kind* users = &kind<std::optional<Numbers>, set_users, show_users>;

Status set_path(std::string& to, std::string_view value, const Setting& setting)
{
    Result<std::string> path = key_file::plain(value);
    if (!path)
        return std::move(path.error());
    if (!path->starts_with('/') && (!path->empty() || setting.least > 0))
        return wrong(concat({"takes an absolute path, not '", *path, "'"}));
    to = std::move(*path);
    return done();
}
std::string show_path(const std::string& path)
{
    return escaped(path);
}
constexpr const Setting::Kind* path = &kind<std::string, set_path, show_path>;

Status set_root(std::string& to, std::string_view value, const Setting& setting)  // the guest's own: none
{
    Status status = set_path(to, value, setting);
    if (to == "/")
        to.clear();
    return status;
}
std::string show_root(const std::string& root)
{
    return root.empty() ? "/" : escaped(root);
}
constexpr const Setting::Kind* root = &kind<std::string, set_root, show_root>;

Status set_text(std::string& to, std::string_view value, const Setting&)
{
    to = value;
    return done();
}
std::string show_text(const std::string& some)
{
    return some;
}
constexpr const Setting::Kind* text = &kind<std::string, set_text, show_text>;

constexpr const Setting::Kind *level = choice<Log::Level, level_names>, *target = choice<LogTarget, target_names>,
                              *on_or_off = choice<bool, switch_names>;

constexpr std::uint32_t million = 1'000'000, gigabyte = 1 << 30;
using When = Setting::When;

constexpr Setting all[] = {
    {"agent", "listen", "listen", "ENDPOINT", "TRANSPORT:ADDRESS[=DIALECT], may be given again; default vsock:1024=frames",
     When::restart, endpoints, [](Settings& s) -> void* { return &s.config.listen; }},
    {"agent", "log-level", "log-level", "LEVEL", "error, warning, info (default), debug", When::reload, level,
     [](Settings& s) -> void* { return &s.log_level; }},
    {"agent", "log-target", "log-target", "TARGET", "stderr (default), stderr-timed, kmsg, journal", When::reload, target,
     [](Settings& s) -> void* { return &s.log_target; }},
    {"agent", "root", "root", "PATH", "before the paths of the guest's own files; for tests", When::restart, root,
     [](Settings& s) -> void* { return &s.config.root; }},
    {"limits", "connections", "max-connections", "N", "at a time; default 256", When::reload, number,
     [](Settings& s) -> void* { return &s.config.limits.connections; }, 1, million},
    {"limits", "runs", "max-runs", "N", "commands at a time, more wait in order; default 64", When::reload, number,
     [](Settings& s) -> void* { return &s.config.limits.runs; }, 1, million},
    {"limits", "frame", "max-frame", "BYTES", "of one message; default 16777216, which is also the most", When::reload, number,
     [](Settings& s) -> void* { return &s.config.limits.frame; }, 1024, 16 << 20},
    {"limits", "buffered", "max-buffered", "BYTES", "of all peers' unfinished requests together; default 67108864", When::reload,
     number, [](Settings& s) -> void* { return &s.config.limits.buffered; }, 4096, gigabyte},
    {"limits", "idle-timeout", "idle-timeout", "SECONDS", "for a peer that owes us bytes; default 60", When::reload, seconds,
     [](Settings& s) -> void* { return &s.config.limits.idle; }},
    {"limits", "stall-timeout", "stall-timeout", "SECONDS", "for a peer that does not take ours; default 3600", When::reload,
     seconds, [](Settings& s) -> void* { return &s.config.limits.stall; }},
    {"limits", "drain-timeout", "drain-timeout", "SECONDS", "for what runs when the agent is to end; default 2", When::reload,
     seconds, [](Settings& s) -> void* { return &s.config.limits.drain; }},
    {"limits", "grace", "grace", "SECONDS", "for output of what a finished command left running; default 0.2", When::reload,
     seconds, [](Settings& s) -> void* { return &s.config.grace; }},
    {"peers", "vsock-cids", "vsock-cids", "LIST", "that may connect; default 2, the host", When::reload, numbers,
     [](Settings& s) -> void* { return &s.config.peers.cids; }},
    {"peers", "unix-uids", "unix-uids", "LIST", "that may connect; default usual: our own and root", When::reload, users,
     [](Settings& s) -> void* { return &s.config.peers.uids; }},
    {"operations", "allow", "allow", "LIST", "only these operations; default all", When::reload, words,
     [](Settings& s) -> void* { return &s.config.rules.allowed; }},
    {"operations", "block", "block", "LIST", "not these operations; default none", When::reload, words,
     [](Settings& s) -> void* { return &s.config.rules.blocked; }},
    {"commands", "time-limit", "command-time-limit", "SECONDS", "of an own command whose caller names none; default 60",
     When::reload, seconds, [](Settings& s) -> void* { return &s.config.commands.time_limit; }, 1},
    {"commands", "max-time-limit", "max-command-time-limit", "SECONDS", "of any own command; default 3600", When::reload, seconds,
     [](Settings& s) -> void* { return &s.config.commands.max_time_limit; }, 1},
    {"qga", "block-rpcs", "block-rpcs", "LIST", "not these commands of QEMU's guest agent; default none", When::reload, words,
     [](Settings& s) -> void* { return &s.config.qga.block_rpcs; }},
    {"qga", "allow-rpcs", "allow-rpcs", "LIST", "only these commands of QEMU's guest agent; default all", When::reload,
     maybe_words, [](Settings& s) -> void* { return &s.config.qga.allow_rpcs; }},
    {"qga", "state-directory", "state-directory", "PATH", "where a freeze is marked; default /run", When::restart, path,
     [](Settings& s) -> void* { return &s.config.qga.state_directory; }, 1},
    {"qga", "freeze-hook", "freeze-hook", "PATH", "run with freeze before and thaw after a freeze; default none", When::reload,
     path, [](Settings& s) -> void* { return &s.config.qga.freeze_hook; }},
    {"qga", "skip-unopenable", "skip-unopenable", "BOOL", "a mount that cannot be opened does not stop a freeze; default false",
     When::reload, on_or_off, [](Settings& s) -> void* { return &s.config.qga.skip_unopenable; }},
    {"qga", "freeze-lease", "freeze-lease", "SECONDS", "after which a freeze thaws by itself; default 0, never", When::reload,
     seconds, [](Settings& s) -> void* { return &s.config.qga.freeze_lease; }},
    {"nova", "provider", "provider", "NAME", "serve only guests whose vm-data/provider_data/provider says so; default any",
     When::reload, text, [](Settings& s) -> void* { return &s.config.nova.provider; }},
    {"nova", "kmsactivate", "kmsactivate", "BOOL", "there is the command kmsactivate; default false", When::reload, on_or_off,
     [](Settings& s) -> void* { return &s.config.nova.kmsactivate; }},
};

}  // namespace kinds
}  // namespace

std::span<const Setting> settings()
{
    return kinds::all;
}

}  // namespace bellhop
