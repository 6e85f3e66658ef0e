// SPDX-License-Identifier: Apache-2.0
// Rows about changes in an agent's life: its end with commands inside, and reloads under load.
#include "bench.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace bellhop::benchmark {
namespace {

double end_with_runs(const Settings& settings, std::size_t count)
{
    const Server agent = Server::agent(settings, {"--drain-timeout", "0"});
    std::vector<Fd> connections;
    while (connections.size() < count)
        connections.push_back(start_run(agent, "exec sleep 300"));
    wait_until("the commands run", 10s, [&] { return agent.children().size() == count; });

    pollfd end{int(::syscall(SYS_pidfd_open, agent.pid(), 0)), POLLIN, 0};
    const Fd owner(end.fd);
    const auto begin = Clock::now();
    ::kill(agent.pid(), SIGTERM);
    if (::poll(&end, 1, 10'000) != 1)
        throw system_failure("the agent did not end");
    const double time = microseconds_since(begin);

    char byte;
    for (const Fd& one : connections)
        if (::recv(one.get(), &byte, 1, MSG_DONTWAIT) != 1)
            throw Failure("a command was ended without an answer");
    return time;
}

void configure(const std::string& path, int runs)
{
    std::ofstream(path + ".new") << "[limits]\nruns=" << runs << "\n";
    if (std::rename((path + ".new").c_str(), path.c_str()) < 0)
        throw system_failure(path);
}

bool has_line(const std::string& path, const std::string& part)
{
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        if (line.find(part) != line.npos)
            return true;
    return false;
}

}  // namespace

// What an agent waits for by design is not in it: the drain time is 0, and the commands end on the SIGTERM that follows it.
Results row_end(const Settings& settings)
{
    const double time = median_of(settings.quick ? 5 : 20, [&] { return end_with_runs(settings, 64); });
    return {absolute("SIGTERM to exit, 64 runs, p50", "ms", time / 1000, {Goal::Is::at_most, 50})};
}

// Each reload is asked for in the moment in which a ping is sent, and has something to change.
Results row_reload(const Settings& settings)
{
    constexpr auto period = 5ms;
    const int pings = settings.quick ? 600 : 4000, pings_a_reload = 10;
    const std::string config = settings.sockets + "/agent.conf";
    configure(config, 64);
    const Server agent = Server::agent(settings, {"--config", config});

    int lost = 0;
    double worst = 0;
    auto next = Clock::now();
    for (int i = 0; i < pings; ++i) {
        if (i % pings_a_reload == 0) {
            configure(config, 65 + i / pings_a_reload % 2);
            ::kill(agent.pid(), SIGHUP);
        }
        try {
            worst = std::max(worst, ping(agent));
        } catch (const Failure& e) {
            if (++lost == 1)
                std::fprintf(stderr, "reload: a ping is lost: %s\n", e.what());
        }
        next += period;
        pause(std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()));
    }
    if (!has_line(settings.sockets + "/agent.log", "reloaded; changed: limits.runs"))
        throw Failure("nothing was reloaded");
    const std::string during = " in " + std::to_string(pings / pings_a_reload) + " reloads";
    return {absolute("pings lost" + during, "", lost, {Goal::Is::at_most, 0}),
            absolute("worst ping" + during, "ms", worst / 1000, {Goal::Is::at_most, 10})};
}

}  // namespace bellhop::benchmark
