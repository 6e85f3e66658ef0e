// SPDX-License-Identifier: Apache-2.0
// Lines of words. What a newer kernel adds at their end is not looked at.
#include "os/statistics.hpp"

#include "os/text_file.hpp"

#include <algorithm>
#include <unistd.h>

namespace bellhop::os {
namespace {

constexpr std::size_t most_statistics = 4 << 20;  // the line of the interrupts alone can be long

std::vector<std::uint64_t> numbers_in(std::string_view line, std::size_t most)
{
    std::vector<std::uint64_t> numbers;
    while (numbers.size() < most) {
        const auto number = number_of<std::uint64_t>(next_word(line));
        if (!number)
            break;
        numbers.push_back(*number);
    }
    return numbers;
}

}  // namespace

Result<std::array<double, 3>> load_averages(const std::string& root)
{
    const std::string path = root + "/proc/loadavg", line = first_line(path);
    std::string_view words = line;
    std::array<double, 3> averages{};
    for (double& one : averages) {  // "0.07", always with two digits behind the point
        std::string hundredths(next_word(words));
        if (const std::size_t point = hundredths.find('.'); point + 3 == hundredths.size())
            hundredths.erase(point, 1);
        else
            hundredths.clear();
        const auto number = number_of<std::uint32_t>(hundredths);
        if (!number)
            return Error{Error::Kind::failed, {}, "no load averages in " + path};
        one = *number / 100.0;
    }
    return averages;
}

Result<std::vector<op::Statistics::Cpu>> cpu_times(const std::string& root)
{
    const Result<std::string> text = text_of_file(root + "/proc/stat", most_statistics);
    if (!text)
        return text.error();
    const std::uint64_t ticks = std::uint64_t(std::max(::sysconf(_SC_CLK_TCK), 1L));
    std::vector<op::Statistics::Cpu> cpus;
    for (std::string_view rest = *text; !rest.empty();) {
        std::string_view line = next_line(rest);
        const std::string_view name = next_word(line);
        const auto number = name.starts_with("cpu") ? number_of<std::uint32_t>(name.substr(3)) : std::nullopt;
        std::vector<std::uint64_t> times = numbers_in(line, 10);
        if (!number || times.size() < 4)
            continue;  // the sum of all has no number
        for (std::uint64_t& time : times)
            time = time * 1000 / ticks;
        cpus.push_back({*number, std::move(times)});
    }
    return cpus;
}

Result<std::vector<op::Statistics::Disk>> disk_counters(const std::string& root)
{
    const Result<std::string> text = text_of_file(root + "/proc/diskstats", most_statistics);
    if (!text)
        return text.error();
    std::vector<op::Statistics::Disk> disks;
    for (std::string_view rest = *text; !rest.empty();) {
        std::string_view line = next_line(rest);
        const auto major = number_of<std::uint32_t>(next_word(line));
        const auto minor = number_of<std::uint32_t>(next_word(line));
        const std::string_view name = next_word(line);
        std::vector<std::uint64_t> counters = numbers_in(line, 17);
        for (const std::size_t known : {17, 15, 11, 4})
            if (counters.size() >= known) {
                counters.resize(known);
                break;
            }
        if (major && minor && counters.size() >= 4)
            disks.push_back({std::string(name), *major, *minor, std::move(counters)});
    }
    return disks;
}

}  // namespace bellhop::os
