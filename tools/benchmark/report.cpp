// SPDX-License-Identifier: Apache-2.0
// The table for people, the JSON for machines (every round is in it), and what peers have
// published.
#include "bench.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sys/utsname.h>
#include <unistd.h>

namespace bellhop::benchmark {
namespace {

struct Peer {
    const char *what, *smolvm, *mitos;
};
constexpr Peer peers[] = {
    {"size of the binary", "2.88 MB", "2.56 MB"},
    {"idle, RSS", "2.3 MB, 3 threads", "2.1 MB"},
    {"run ÷ bare spawn", "1.53–1.60", "1.94–2.02"},
    {"ping", "110 µs", ""},
    {"stdout of a command", "14–190 MiB/s", ""},
    {"put of a file", "refused over 256 MiB", ""},
    {"get of a file", "615 MiB/s, with 1 GB of memory", ""},
};

// printf counts bytes; a column is made of characters.
std::string padded(std::string text, std::size_t width)
{
    const auto characters =
        std::size_t(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
    return text.append(width > characters ? width - characters : 0, ' ');
}

std::string number(double value)
{
    char text[32];
    const int decimals = value != long(value) && value < 100 && value > -100 ? 2 : 0;
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
}

std::string ratio_text(const Result& result)
{
    if (!result.ratio)
        return "";
    char text[64];
    const auto [least, most] = std::ranges::minmax(result.ratio_rounds);
    std::snprintf(text, sizeof text, "%.2f (%.2f–%.2f)", *result.ratio, least, most);
    return text;
}

std::string goal_text(const Result& result)
{
    const std::string sign = result.goal.is == Goal::Is::at_most ? "≤ " : "≥ ";
    return sign + number(result.goal.limit) + (result.ratio ? " ×" : result.unit.empty() ? "" : ' ' + result.unit);
}

void print_line(const std::string& what, const std::string& ours, const std::string& floor, const std::string& ratio,
                const std::string& goal, const std::string& verdict)
{
    std::printf("%s %s %s %s %s %s\n", padded(what, 30).c_str(), padded(ours, 13).c_str(), padded(floor, 13).c_str(),
                padded(ratio, 20).c_str(), padded(goal, 11).c_str(), verdict.c_str());
    std::fflush(stdout);
}

std::string quoted(std::string_view text)
{
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            result += '\\';
        result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return result + '"';
}

std::string list(const std::vector<double>& values)
{
    std::string result = "[";
    char text[32];
    for (const double value : values) {
        std::snprintf(text, sizeof text, "%s%.6g", result.size() > 1 ? ", " : "", value);
        result += text;
    }
    return result + ']';
}

std::string json_of(const RowReport& row, const Result& result)
{
    char numbers[160];
    int length = std::snprintf(numbers, sizeof numbers, "\"ours\": %.6g", result.ours);
    if (result.floor)
        std::snprintf(numbers + length, sizeof numbers - std::size_t(length), ", \"floor\": %.6g, \"ratio\": %.6g", *result.floor,
                      *result.ratio);
    std::string text = "{\"row\": " + quoted(row.row) + ", \"what\": " + quoted(result.what) +
                       ", \"unit\": " + quoted(result.unit) + ", " + numbers + ", \"goal\": " + quoted(goal_text(result)) +
                       ", \"met\": " + (result.met() ? "true" : "false") + ", \"ours_rounds\": " + list(result.ours_rounds);
    if (result.floor)
        text += ", \"floor_rounds\": " + list(result.floor_rounds) + ", \"ratio_rounds\": " + list(result.ratio_rounds);
    return text + '}';
}

}  // namespace

void print_heading(const Settings& settings)
{
    double load = 0;
    ::getloadavg(&load, 1);
    std::printf("%s%s, files of %llu MiB, load average %.2f on %ld cores\n\n", settings.agent.c_str(),
                settings.quick ? ", quick" : "", static_cast<unsigned long long>(settings.big >> 20), load,
                ::sysconf(_SC_NPROCESSORS_ONLN));
    print_line("what", "ours", "floor", "ratio (of rounds)", "goal", "");
}

void print_row(const RowReport& row)
{
    for (const Result& result : row.results) {
        const std::string floor = result.floor ? number(*result.floor) + ' ' + result.unit : "";
        print_line(result.what, number(result.ours) + ' ' + result.unit, floor, ratio_text(result), goal_text(result),
                   result.met() ? "ok" : "MISS");
    }
    if (!row.failure.empty())
        std::printf("%s not measured: %s\n", padded(row.row, 30).c_str(), row.failure.c_str());
    std::fflush(stdout);
}

void print_peers()
{
    std::printf("\nPublished figures of peers, measured elsewhere:\n");
    print_line("", "SmolVM (Rust agent)", "", "      mitos", "", "");
    for (const Peer& peer : peers)
        std::printf("%s %s %s\n", padded(peer.what, 30).c_str(), padded(peer.smolvm, 40).c_str(), peer.mitos);
}

void write_json(const std::string& path, const Settings& settings, const std::vector<RowReport>& rows)
{
    FILE* file = std::fopen(path.c_str(), "w");
    if (!file)
        throw system_failure(path);
    utsname system{};
    ::uname(&system);
    std::fprintf(file,
                 "{\"agent\": %s, \"quick\": %s, \"file_bytes\": %llu, \"kernel\": %s, "
                 "\"machine\": %s, \"cpus\": %ld,\n \"results\": [",
                 quoted(settings.agent).c_str(), settings.quick ? "true" : "false", static_cast<unsigned long long>(settings.big),
                 quoted(system.release).c_str(), quoted(system.machine).c_str(), ::sysconf(_SC_NPROCESSORS_ONLN));
    const char* separator = "";
    for (const RowReport& row : rows)
        for (const Result& result : row.results)
            std::fprintf(file, "%s\n  %s", std::exchange(separator, ","), json_of(row, result).c_str());
    std::fprintf(file, "],\n \"not_measured\": [");
    separator = "";
    for (const RowReport& row : rows)
        if (!row.failure.empty())
            std::fprintf(file, "%s\n  {\"row\": %s, \"why\": %s}", std::exchange(separator, ","), quoted(row.row).c_str(),
                         quoted(row.failure).c_str());
    std::fprintf(file, "],\n \"peers_measured_elsewhere\": [");
    separator = "";
    for (const Peer& peer : peers)
        std::fprintf(file, "%s\n  {\"what\": %s, \"smolvm\": %s, \"mitos\": %s}", std::exchange(separator, ","),
                     quoted(peer.what).c_str(), quoted(peer.smolvm).c_str(), quoted(peer.mitos).c_str());
    std::fprintf(file, "]}\n");
    if (std::fclose(file) != 0)
        throw system_failure(path);
}

}  // namespace bellhop::benchmark
