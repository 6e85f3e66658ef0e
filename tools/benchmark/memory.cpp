// SPDX-License-Identifier: Apache-2.0
// Rows about what the agent holds: its file, memory at rest and after work, descriptors, zombies,
// wake-ups. Each starts an agent of its own, because "idle" means one that has done nothing yet.
#include "big_file.hpp"

#include <filesystem>

namespace bellhop::benchmark {
namespace {

std::chrono::seconds settling(const Settings& settings)
{
    return settings.quick ? 1s : 5s;
}

double settled_anonymous(const Settings& settings, const Server& server)
{
    pause(settling(settings));
    return server.memory().anonymous;
}

void wait_no_child(const Server& server)
{
    wait_until("the commands are gone", 10s, [&] { return server.children().empty(); });
}

void some_traffic(const Settings& settings, const Server& server)
{
    const BigFile file(settings, "traffic", BigFile::absent);
    for (int i = 0; i < 20; ++i) {
        ping(server);
        run(server, "true");
        put(server, file.path(), 100'000);
        get(server, file.path(), 100'000);
    }
    wait_no_child(server);
}

}  // namespace

Results row_idle(const Settings& settings)
{
    const Server agent = Server::agent(settings);
    pause(5s);
    const Memory memory = agent.memory();
    return {absolute("size of the binary", "KiB", double(std::filesystem::file_size(settings.agent)) / 1024,
                     {Goal::Is::at_most, 1024}),
            absolute("idle, private memory", "KiB", memory.private_dirty, {Goal::Is::at_most, 96}),
            absolute("idle, RSS", "KiB", memory.rss, {Goal::Is::at_most, 560})};
}

Results row_commands(const Settings& settings)
{
    constexpr std::size_t count = 64;
    const Server agent = Server::agent(settings);
    const double idle = settled_anonymous(settings, agent);

    std::vector<Fd> connections;
    while (connections.size() < count)
        connections.push_back(start_run(agent, "exec sleep 300"));
    wait_until("64 commands run", 10s, [&] { return agent.children().size() == count; });
    const double busy = settled_anonymous(settings, agent);
    connections.clear();  // they must die with their connections
    wait_no_child(agent);
    return {absolute("64 silent commands, each", "KiB", (busy - idle) / count, {Goal::Is::at_most, 8})};
}

Results row_transfers(const Settings& settings)
{
    const BigFile file(settings, "both", BigFile::absent);
    const Server agent = Server::agent(settings);
    const double idle = settled_anonymous(settings, agent);

    put(agent, file.path(), settings.big);
    get(agent, file.path(), settings.big);
    return {absolute("left by a put and a get", "KiB", settled_anonymous(settings, agent) - idle, {Goal::Is::at_most, 64})};
}

Results row_wakeups(const Settings& settings)
{
    const auto observed = settings.quick ? 10s : 60s;
    const Server agent = Server::agent(settings);
    some_traffic(settings, agent);
    pause(5s);

    const long before = agent.context_switches();
    pause(observed);
    const std::string what = "wake-ups in " + std::to_string(observed.count()) + " s idle";
    return {absolute(what, "", double(agent.context_switches() - before), {Goal::Is::at_most, 0})};
}

Results row_many_runs(const Settings& settings)
{
    const int count = settings.quick ? 2000 : 10'000;
    const Server agent = Server::agent(settings);
    const double idle = settled_anonymous(settings, agent);
    const int descriptors = agent.descriptors();

    for (int i = 0; i < count; ++i)
        run(agent, "true");
    const double left = settled_anonymous(settings, agent) - idle;
    const std::string after = std::to_string(count) + " runs: ";
    return {absolute(after + "descriptors lost", "", agent.descriptors() - descriptors, {Goal::Is::at_most, 0}),
            absolute(after + "zombies", "", double(agent.children().size()), {Goal::Is::at_most, 0}),
            absolute(after + "memory kept", "KiB", left, {Goal::Is::at_most, 64})};
}

}  // namespace bellhop::benchmark
