// SPDX-License-Identifier: Apache-2.0
// os-release(5): NAME=value lines, shell-like quoting without expansion. proc(5), statm. tzset(3).
#include "os/host_facts.hpp"

#include <bellhop/fd.hpp>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace bellhop::os {
namespace {

std::string head_of(const char* path, std::size_t most)
{
    std::string text(most, '\0');
    const Fd file(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const ssize_t n = file ? ::read(file.get(), text.data(), most) : 0;
    text.resize(std::size_t(std::max<ssize_t>(n, 0)));
    return text;
}

// A value without quotes ends at a blank or a semicolon. Between double quotes a backslash takes the meaning of these five only,
// and stays where it stands before anything else; between single quotes everything stands for itself.
std::string unquoted(std::string_view value)
{
    const char quote = value.empty() ? '\0' : value[0];
    if (quote != '"' && quote != '\'')
        return std::string(value.substr(0, value.find_first_of(" \t;")));
    std::string plain;
    for (std::size_t i = 1; i < value.size() && value[i] != quote; ++i) {
        const bool escapes = quote == '"' && value[i] == '\\' && i + 1 < value.size();
        if (escapes && std::string_view("$'\"\\`").find(value[i + 1]) != std::string_view::npos)
            ++i;
        plain += value[i];
    }
    return plain;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> parse_os_release(std::string text)
{
    std::vector<std::pair<std::string, std::string>> members;
    for (std::string_view rest = text; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        const std::size_t equals = line.find('=');
        if (!line.starts_with('#') && equals != line.npos && equals > 0)
            members.emplace_back(line.substr(0, equals), unquoted(line.substr(equals + 1)));
    }
    return members;
}

std::vector<std::pair<std::string, std::string>> os_release(const std::string& root, const std::string& instead)
{
    if (!instead.empty())
        return parse_os_release(head_of(instead.c_str(), 64 << 10));
    for (const char* path : {"/etc/os-release", "/usr/lib/os-release"})
        if (std::string text = head_of((root + path).c_str(), 64 << 10); !text.empty())
            return parse_os_release(std::move(text));
    return {};
}

Kernel kernel()
{
    utsname names{};
    ::uname(&names);
    return {names.release, names.machine, names.version, names.nodename};
}

LocalTime local_time(const std::string& root)
{
    if (!root.empty())
        ::setenv("TZ", (":" + root + "/etc/localtime").c_str(), 1);
    ::tzset();
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    return {local.tm_zone ? local.tm_zone : "", std::chrono::seconds(local.tm_gmtoff)};
}

std::int64_t resident_kib()
{
    const std::string text = head_of("/proc/self/statm", 256);  // total, resident, …, in pages
    const std::size_t space = text.find(' ');
    if (space == text.npos)
        return -1;
    return std::strtoll(text.c_str() + space, nullptr, 10) * (::sysconf(_SC_PAGESIZE) / 1024);
}

}  // namespace bellhop::os
