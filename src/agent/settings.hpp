// SPDX-License-Identifier: Apache-2.0
// Everything that can be set, one row a setting: its place in the config file, its option on the command line, how it is read and
// shown, and whether a reload can change it. The file is read first, the command line wins.
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/log.hpp>
#include <bellhop/result.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bellhop {

constexpr std::string_view level_names[] = {"error", "warning", "info", "debug"};  // of Log::Level
enum class LogTarget { standard_error, kernel, journal, timed_error };             // timed: each line with its time, as qemu-ga's

struct Settings {
    Config config;
    Log::Level log_level = Log::Level::info;
    LogTarget log_target = LogTarget::standard_error;
    std::map<std::string, std::string> sources;  // "group.key" -> "FILE:LINE" or "--option"; absent: the default
};

struct Setting {
    enum class When { reload, restart };
    struct Kind {  // of values: how one is read from what the file has, and shown; unset and shown are the same to set()
        Status (*set)(void* place, std::string_view value, const Setting&);
        std::string (*show)(const void* place);
    };
    const char *group, *key, *option, *placeholder, *help;
    When when;
    const Kind* kind;
    void* (*place)(Settings&);          // of the value, whose type is the kind's
    std::uint32_t least = 0, most = 0;  // of a number; of a time and a path: 0 is allowed, and none

    Status set(Settings& s, std::string_view value) const { return kind->set(place(s), value, *this); }
    std::string show(const Settings& s) const { return kind->show(place(const_cast<Settings&>(s))); }
};

std::span<const Setting> settings();
Status set(Settings&, const Setting&, std::string_view value, std::string source);  // an Error names the source
Status apply_file(Settings&, const std::string& path, std::string_view text);
std::string print(const Settings&);  // as a config file, with where each value came from
std::vector<std::string> differing(const Settings& old, const Settings& fresh, Setting::When);  // "group.key"

}  // namespace bellhop
