// SPDX-License-Identifier: Apache-2.0
// Rows about bulk: a command's output, a file to the host, a file from the host. Files are on
// tmpfs, so no disk is measured. Client and server are on different cores, as host and guest are:
// on one core nothing overlaps, and all servers that splice come out equal.
#include "big_file.hpp"
#include "placement.hpp"

namespace bellhop::benchmark {
namespace {

int rounds_of(const Settings& settings)
{
    return settings.quick ? 5 : 9;
}

Result stdout_of(const Settings& settings, std::uint64_t write_size, const char* what)
{
    const std::string command =
        "dd if=/dev/zero status=none bs=" + std::to_string(write_size) + " count=" + std::to_string(settings.big / write_size);
    const Server ours = Server::agent(settings), floor = Server::floor(settings, "stdout", command);

    Placement placement(ours, floor);
    placement.apart();
    const Rounds result = alternate(
        rounds_of(settings), [&](int) { return run_for_output(ours, command, settings.big); },
        [&](int) { return run_for_output(floor, command, settings.big); });
    return by_median_ratio(what, "MiB/s", result, {Goal::Is::at_least, 1.0});
}

}  // namespace

// Small writes are what most commands do, and wake the reader often; large ones leave the most to
// the forwarding itself.
Results row_stdout(const Settings& settings)
{
    return {stdout_of(settings, 4 << 10, "stdout, writes of 4 KiB"), stdout_of(settings, 1 << 20, "stdout, writes of 1 MiB")};
}

Results row_get(const Settings& settings)
{
    const BigFile file(settings, "get", BigFile::filled);
    const Server ours = Server::agent(settings), floor = Server::floor(settings, "get", file.path());

    Placement placement(ours, floor);
    placement.apart();
    const Rounds result = alternate(
        rounds_of(settings), [&](int) { return get(ours, file.path(), settings.big); },
        [&](int) { return get(floor, file.path(), settings.big); });
    return {by_median_ratio("get of a file", "MiB/s", result, {Goal::Is::at_least, 1.5})};
}

// The target is removed before each put: to free the pages of the one before is not part of the
// work.
Results row_put(const Settings& settings)
{
    const BigFile file(settings, "put", BigFile::absent);
    const Server ours = Server::agent(settings), floor = Server::floor(settings, "put", file.path());
    const auto rate = [&](const Server& server) { return file.remove(), put(server, file.path(), settings.big); };

    Placement placement(ours, floor);
    placement.apart();
    const Rounds result = alternate(
        rounds_of(settings), [&](int) { return rate(ours); }, [&](int) { return rate(floor); });
    return {by_median_ratio("put of a file", "MiB/s", result, {Goal::Is::at_least, 0.9})};
}

}  // namespace bellhop::benchmark
