// SPDX-License-Identifier: Apache-2.0
// Rows about XenStore, against a real xenstored (tools/fetch-xen) on its own socket, the agent acting as domain 7. The client is
// the host: it writes a nova request and waits for the event that its answer is there.
#include "placement.hpp"

#include <array>
#include <cstring>
#include <filesystem>
#include <sys/socket.h>

namespace bellhop::benchmark {
namespace {

const std::string home = "/local/domain/7/data/";
enum Type : std::uint32_t { read_type = 2, watch_type = 4, write_type = 11, remove_type = 13, event_type = 15, error_type = 16 };

class Host {
public:
    explicit Host(const Server& daemon) : socket_(connect_to(daemon.socket()))
    {
        if (socket_.get() < 0)
            throw system_failure("connect");
        ask(write_type, home + "guest" + '\0');
        ask(watch_type, home + "guest" + '\0' + "t" + '\0');
    }
    void read_once() { ask(read_type, home + "guest" + '\0'); }
    double version()  // µs from the moment that the request is in the store until the answer is
    {
        const std::string name = "00000000-0000-4000-8000-" + std::to_string(100'000'000'000 + ++number_);
        events_ = 0;
        ask(write_type, home + "host/" + name + '\0' + R"({"name": "version", "value": "agent"})");
        const auto begin = Clock::now();
        while (events_ == 0)
            next();
        const double time = microseconds_since(begin);
        ask(remove_type, home + "guest/" + name + '\0');
        return time;
    }

private:
    using Header = std::array<std::uint32_t, 4>;
    void ask(Type type, const std::string& payload)
    {
        const Header header{type, 1, 0, std::uint32_t(payload.size())};
        std::string request(reinterpret_cast<const char*>(header.data()), sizeof header);
        request += payload;
        if (::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) != ssize_t(request.size()))
            throw system_failure("send");
        while (next() == event_type)
            ;
    }
    std::uint32_t next()
    {
        Header header;
        while (bytes_.size() < sizeof header || bytes_.size() < sizeof header + length_of(header)) {
            std::array<char, 65536> more;
            const ssize_t n = ::recv(socket_.get(), more.data(), more.size(), 0);
            if (n <= 0)
                throw system_failure("recv");
            bytes_.append(more.data(), std::size_t(n));
        }
        const std::string payload = bytes_.substr(sizeof header, header[3]);
        bytes_.erase(0, sizeof header + header[3]);
        if (header[0] == error_type)
            throw Failure("the xenstored said " + payload);
        events_ += header[0] == event_type && payload.starts_with(home + "guest/") ? 1 : 0;
        return header[0];
    }
    std::size_t length_of(Header& header) const
    {
        std::memcpy(header.data(), bytes_.data(), sizeof header);
        return header[3];
    }
    Fd socket_;
    std::string bytes_;
    int events_ = 0;  // answers that have come
    long number_ = 0;
};

Server agent_on(const Settings& settings, const Server& daemon)
{
    return Server::agent(settings, {"--listen", "xenstore:7@" + daemon.socket() + "=nova"});
}

}  // namespace

// Host, daemon and agent hand over to each other: a read twice, a request eight times at least. Where each hand-over may wake an
// idle core (50 µs in a virtual machine) that is all that one measures, so both are taken at their best, as pings are.
Results row_xenstore(const Settings& settings)
{
    const int rounds = settings.quick ? 12 : 30, samples = 300;
    const Server daemon = Server::xenstored(settings), agent = agent_on(settings, daemon);
    Host host(daemon);
    host.version();
    const auto look = [&] {
        const auto begin = Clock::now();
        host.read_once();
        return microseconds_since(begin);
    };
    Placement placement(agent, daemon);
    const Rounds result = alternate(
        rounds, [&](int round) { return placement.vary(round), median_of(samples, [&] { return host.version(); }); },
        [&](int) { return median_of(samples, look); });
    return {by_best("version over XenStore (one read), best p50", "µs", result, {Goal::Is::at_most, 8})};
}

Results row_xenstore_memory(const Settings& settings)
{
    const long requests = settings.quick ? 10'000 : 100'000;
    const Server daemon = Server::xenstored(settings);
    double without;
    {
        const Server agent = Server::agent(settings);
        pause(2s);
        without = agent.memory().private_dirty;
    }
    const Server agent = agent_on(settings, daemon);
    pause(2s);
    const double with = agent.memory().private_dirty;
    Host host(daemon);
    for (long i = 0; i < requests / 100; ++i)
        host.version();
    const double before = agent.memory().private_dirty;
    for (long i = 0; i < requests; ++i)
        host.version();
    return {absolute("XenStore: idle, private memory for it", "KiB", with - without, {Goal::Is::at_most, 64}),
            absolute("XenStore: growth in " + std::to_string(requests) + " requests", "KiB",
                     agent.memory().private_dirty - before, {Goal::Is::at_most, 16})};
}

Results row_xenstore_wakeups(const Settings& settings)
{
    const auto observed = settings.quick ? 10s : 60s;
    const Server daemon = Server::xenstored(settings), agent = agent_on(settings, daemon);
    {
        Host host(daemon);
        host.version();
    }
    pause(2s);
    const long before = agent.context_switches();
    pause(observed);
    return {absolute("XenStore: wake-ups in " + std::to_string(observed.count()) + " s idle", "",
                     double(agent.context_switches() - before), {Goal::Is::at_most, 4})};
}

}  // namespace bellhop::benchmark
