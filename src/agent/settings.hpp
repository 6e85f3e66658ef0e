// SPDX-License-Identifier: Apache-2.0
// Everything that can be set, one row a setting: its place in the config file, its option on the command line, how it is read and
// shown, and whether a reload can change it. The file is read first, the command line wins.
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/log.hpp>
#include <bellhop/result.hpp>

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
    std::string_view group, key, option, placeholder, help;
    When when;
    Status (*set)(Settings&, std::string_view value);  // as it is written in the file
    std::string (*show)(const Settings&);              // likewise; unset and shown are the same to set()
};

std::span<const Setting> settings();
Status set(Settings&, const Setting&, std::string_view value, std::string source);  // an Error names the source
Status apply_file(Settings&, const std::string& path, std::string_view text);
std::string print(const Settings&);  // as a config file, with where each value came from
std::vector<std::string> differing(const Settings& old, const Settings& fresh, Setting::When);  // "group.key"

Result<Log::Level> parse_level(std::string_view name);  // error, warning, info, debug

}  // namespace bellhop
