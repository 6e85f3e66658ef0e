// SPDX-License-Identifier: Apache-2.0
// A record is "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT\n…", one a read(2); the time is that of CLOCK_MONOTONIC, nearly. Records
// from before the process began speak of an earlier one with its number. Documentation/ABI/testing/dev-kmsg; proc(5).
#include "os/oom.hpp"

#include <bellhop/fd.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <unistd.h>

namespace bellhop::os {
namespace {

constexpr int most_records = 20'000;  // a few milliseconds
constexpr std::chrono::seconds clocks_differ_by{2};

bool any_kill_since_boot()
{
    const Fd file(::open("/proc/vmstat", O_RDONLY | O_CLOEXEC));
    std::string text(16 << 10, '\0');
    const ssize_t n = file ? ::read(file.get(), text.data(), text.size()) : 0;
    text.resize(std::size_t(std::max<ssize_t>(n, 0)));
    constexpr std::string_view name = "\noom_kill ";
    const std::size_t at = text.find(name);
    return at == text.npos || text[at + name.size()] != '0';  // kernels before 4.13 do not count
}

bool tells(std::string_view record, const std::string& who, std::chrono::microseconds since)
{
    if (record.find(who) == record.npos)
        return false;
    std::size_t at = 0;
    for (int comma = 0; comma < 2; ++comma)
        at = record.find(',', at) + 1;
    return std::chrono::microseconds(std::strtoll(record.data() + at, nullptr, 10)) >= since;
}

}  // namespace

bool killed_for_memory(pid_t pid, std::chrono::steady_clock::time_point started)
{
    if (!any_kill_since_boot())
        return false;
    const auto since = std::chrono::duration_cast<std::chrono::microseconds>(started.time_since_epoch()) - clocks_differ_by;
    const std::string who = "illed process " + std::to_string(pid) + " (";
    const Fd log(::open("/dev/kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    char record[8192];
    for (int i = 0; log && i < most_records; ++i) {
        const ssize_t n = ::read(log.get(), record, sizeof record - 1);
        if (n < 0 && (errno == EPIPE || errno == EINTR))  // overwritten while we read: go on with what there is
            continue;
        if (n <= 0)
            return false;
        record[n] = '\0';
        if (tells({record, std::size_t(n)}, who, since))
            return true;
    }
    return false;
}

}  // namespace bellhop::os
