// SPDX-License-Identifier: Apache-2.0
// The benchmark's command line and its table of rows. A missed goal is a result; a row that cannot
// be measured is an error.
#include "bench.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <getopt.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace bellhop::benchmark {
namespace {

constexpr struct Row {
    std::string_view name;
    Results (*measure)(const Settings&);
} rows[] = {
    {"run", row_run},
    {"ping", row_ping},
    {"stdout", row_stdout},
    {"get", row_get},
    {"put", row_put},
    {"start", row_start},
    {"idle", row_idle},
    {"commands", row_commands},
    {"transfers", row_transfers},
    {"many-runs", row_many_runs},
    {"end", row_end},
    {"reload", row_reload},
    {"wakeups", row_wakeups},
    {"qga-ping", row_qga_ping},
    {"qga-exec", row_qga_exec},
    {"qga-read", row_qga_read},
    {"qga-write", row_qga_write},
    {"qga-memory", row_qga_memory},
    {"xenstore", row_xenstore},
    {"xenstore-memory", row_xenstore_memory},
    {"xenstore-wakeups", row_xenstore_wakeups},
};
constexpr unsigned row_limit = 150;  // seconds

struct Options {
    Settings settings;
    std::string json, programs;
    std::vector<std::string> only;
};

class Directory {  // new, and gone with its object
public:
    explicit Directory(std::string pattern) : path_(std::move(pattern))
    {
        if (!::mkdtemp(path_.data()))
            throw system_failure(path_);
    }
    ~Directory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

// The launcher has compiled us there and was replaced by us, so that signals reach us: its
// directory is ours to remove.
struct Programs {
    std::string directory;
    ~Programs()
    {
        ::unlink((directory + "/floor").c_str());
        ::unlink((directory + "/fakexen.so").c_str());
        ::unlink((directory + "/bench").c_str());
        ::rmdir(directory.c_str());
    }
};

// Half of what is free, at most: the machine's memory is not ours.
std::uint64_t big_size(const std::string& directory, bool quick)
{
    struct statvfs space {};
    ::statvfs(directory.c_str(), &space);
    const double room =
        std::min(double(space.f_bavail) * double(space.f_frsize), number_in("/proc/meminfo", "MemAvailable") * 1024);
    std::uint64_t size = quick ? 256 << 20 : 1 << 30;
    while (size > 16 << 20 && double(size) > room / 2)
        size /= 2;
    return size;
}

void usage(FILE* to)
{
    std::fprintf(to, "Usage: bench [--agent PATH] [--json FILE] [--quick] [--only ROW]...\nRows:");
    for (const Row& row : rows)
        std::fprintf(to, " %s", row.name.data());
    std::fprintf(to, "\n");
}

bool known(const std::string& name)
{
    return std::ranges::any_of(rows, [&](const Row& row) { return row.name == name; });
}

// The exit code, if that is all.
std::optional<int> parse_options(int argc, char** argv, Options& options)
{
    static const option words[] = {{"agent", required_argument, nullptr, 'a'},
                                   {"json", required_argument, nullptr, 'j'},
                                   {"quick", no_argument, nullptr, 'q'},
                                   {"only", required_argument, nullptr, 'o'},
                                   {"programs", required_argument, nullptr, 'p'},
                                   {"help", no_argument, nullptr, 'h'},
                                   {}};
    for (int letter; (letter = ::getopt_long(argc, argv, "", words, nullptr)) != -1;) {
        switch (letter) {
        case 'a':
            options.settings.agent = ::optarg;
            break;
        case 'j':
            options.json = ::optarg;
            break;
        case 'q':
            options.settings.quick = true;
            break;
        case 'o':
            options.only.push_back(::optarg);
            break;
        case 'p':
            options.programs = ::optarg;
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    }
    while (::optind < argc)
        options.only.push_back(argv[::optind++]);  // --only ROW ROW
    if (options.settings.agent.empty() || !std::ranges::all_of(options.only, known)) {
        usage(stderr);
        return 2;
    }
    if (::access(options.settings.agent.c_str(), X_OK) < 0) {
        std::perror(options.settings.agent.c_str());
        return 2;
    }
    return {};
}

RowReport measure(const Row& row, const Settings& settings)
{
    ::alarm(row_limit);
    try {
        return {std::string(row.name), row.measure(settings), ""};
    } catch (const std::exception& e) {
        return {std::string(row.name), {}, e.what()};
    }
}

int measure_all(Options& options)
{
    const Directory sockets("/tmp/bellhop-bench-XXXXXX"), files("/dev/shm/bellhop-bench-XXXXXX");
    options.settings.sockets = sockets.path();
    options.settings.files = files.path();
    options.settings.big = big_size(files.path(), options.settings.quick);
    print_heading(options.settings);
    std::vector<RowReport> reports;
    for (const Row& row : rows) {
        if (!options.only.empty() && std::ranges::find(options.only, row.name) == options.only.end())
            continue;
        reports.push_back(measure(row, options.settings));
        print_row(reports.back());
    }
    print_peers();
    if (!options.json.empty())
        write_json(options.json, options.settings, reports);
    return std::ranges::any_of(reports, [](const RowReport& row) { return !row.failure.empty(); });
}

int measure_or_explain(Options& options)
{
    try {
        return measure_all(options);
    } catch (const Interrupted&) {
        std::fprintf(stderr, "interrupted\n");
        return 130;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}

int main(int argc, char** argv)
{
    Options options;
    const std::optional<int> exit_code = parse_options(argc, argv, options);
    const Programs programs{options.programs};
    if (exit_code)
        return *exit_code;
    options.settings.floor = programs.directory + "/floor";
    options.settings.fakexen = programs.directory + "/fakexen.so";
    stop_on_signals();
    adopt_orphans();
    const int code = measure_or_explain(options);
    end_orphans();
    return code;
}

}  // namespace
}  // namespace bellhop::benchmark

int main(int argc, char** argv)
{
    return bellhop::benchmark::main(argc, argv);
}
