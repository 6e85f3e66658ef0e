// SPDX-License-Identifier: Apache-2.0
// os-release(5): NAME=value lines, shell-like quoting without expansion. proc(5), statm.
#include "os/host_facts.hpp"

#include <bellhop/fd.hpp>

#include <algorithm>
#include <cstdlib>
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

std::string unquoted(std::string_view value)
{
    std::string plain;
    char quote = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        if (c == '\\' && quote != '\'' && i + 1 < value.size())
            plain += value[++i];
        else if (quote ? c == quote : c == '"' || c == '\'')
            quote = quote ? 0 : c;
        else
            plain += c;
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

std::vector<std::pair<std::string, std::string>> os_release(const std::string& root)
{
    for (const char* path : {"/etc/os-release", "/usr/lib/os-release"})
        if (std::string text = head_of((root + path).c_str(), 64 << 10); !text.empty())
            return parse_os_release(std::move(text));
    return {};
}

Kernel kernel()
{
    utsname names{};
    ::uname(&names);
    return {names.release, names.machine};
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
