// SPDX-License-Identifier: Apache-2.0
// Rows about the time of one small thing: a command that does nothing, a ping, the start.
#include "placement.hpp"

namespace bellhop::benchmark {

Results row_run(const Settings& settings)
{
    const int rounds = settings.quick ? 5 : 11, samples = 200;
    const Server ours = Server::agent(settings), floor = Server::floor(settings, "run", "true");
    const auto time = [](const Server& server) { return median_of(samples, [&] { return run(server, "true"); }); };

    const Rounds result = alternate(
        rounds, [&](int) { return time(ours); }, [&](int) { return time(floor); });
    return {by_median_ratio("run of true, p50", "µs", result, {Goal::Is::at_most, 1.10})};
}

Results row_ping(const Settings& settings)
{
    const int rounds = settings.quick ? 12 : 30, samples = 1000;
    const Server ours = Server::agent(settings), floor = Server::floor(settings, "ping");
    const auto time = [](const Server& server) { return median_of(samples, [&] { return ping(server); }); };

    Placement placement(ours, floor);
    const Rounds result = alternate(
        rounds, [&](int round) { return placement.vary(round), time(ours); }, [&](int) { return time(floor); });
    return {by_best("ping, best p50", "µs", result, {Goal::Is::at_most, 1.6})};
}

Results row_start(const Settings& settings)
{
    const int samples = settings.quick ? 300 : 1000;
    const double time = median_of(samples, [&] { return Server::agent(settings).start_time(); });
    return {absolute("start to listening, p50", "ms", time / 1000, {Goal::Is::at_most, 0.6})};
}

}  // namespace bellhop::benchmark
