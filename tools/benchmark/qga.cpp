// SPDX-License-Identifier: Apache-2.0
// Rows about the dialect qga, beside QEMU's own agent: the same requests over a connection that is kept, in turns. The client
// looks for what it needs in an answer and otherwise counts bytes, so that it is the agents that are measured.
#include "big_file.hpp"
#include "placement.hpp"

#include <array>
#include <fstream>
#include <sys/socket.h>
#include <sys/uio.h>

namespace bellhop::benchmark {
namespace {

constexpr std::size_t mebibyte = 1 << 20;

class Host {  // one connection
public:
    explicit Host(const Server& server) : socket_(connect_to(server.socket()))
    {
        if (socket_.get() < 0)
            throw system_failure("connect");
    }
    // The answer's first bytes; the rest of a long one is counted only.
    std::string_view ask(std::string_view request)
    {
        for (std::string_view rest = request; !rest.empty();) {
            const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
            if (sent < 0)
                throw system_failure("send");
            rest.remove_prefix(std::size_t(sent));
        }
        std::size_t first = 0;
        for (count_ = 0;;) {
            static std::array<char, 256 << 10> more;
            const bool beginning = count_ < head_.size();
            char* to = beginning ? head_.data() + count_ : more.data();
            const ssize_t n = ::recv(socket_.get(), to, beginning ? head_.size() - count_ : more.size(), 0);
            if (n <= 0)
                throw system_failure("recv");
            count_ += std::size_t(n);
            first += beginning ? std::size_t(n) : 0;
            if (to[n - 1] == '\n')
                return {head_.data(), first};
        }
    }
    std::size_t count() const { return count_; }
    std::string_view expect(std::string_view request, std::string_view part)
    {
        const std::string_view answer = ask(request);
        if (answer.find(part) == answer.npos)
            throw Failure("unexpected answer: " + std::string(answer.substr(0, 300)));
        return answer;
    }

private:
    Fd socket_;
    std::array<char, 4096> head_;
    std::size_t count_ = 0;
};

std::string request(std::string_view command, std::string_view arguments)
{
    return R"({"execute":")" + std::string(command) + R"(","arguments":{)" + std::string(arguments) + "}}\n";
}

std::string number_after(std::string_view text, std::string_view name)
{
    const std::size_t at = text.find(name);
    if (at == text.npos)
        throw Failure("no " + std::string(name) + " in: " + std::string(text.substr(0, 300)));
    const std::size_t begin = text.find_first_of("0123456789", at + name.size());
    return std::string(text.substr(begin, text.find_first_not_of("0123456789", begin) - begin));
}

double ping(Host& host)
{
    const auto begin = Clock::now();
    host.expect("{\"execute\":\"guest-ping\"}\n", R"({"return": {}})");
    return microseconds_since(begin);
}

double run(Host& host)
{
    const auto begin = Clock::now();
    const std::string pid = number_after(host.ask(request("guest-exec", R"("path":"/bin/true")")), R"("pid": )");
    const std::string status = request("guest-exec-status", R"("pid":)" + pid);
    while (host.expect(status, R"("exited": )").find(R"("exited": false)") != std::string_view::npos)
        check_interrupted();
    return microseconds_since(begin);
}

class Opened {
public:
    Opened(Host& host, const std::string& path, const std::string& mode)
        : host_(host),
          handle_(number_after(host.ask(request("guest-file-open", R"("path":")" + path + R"(","mode":")" + mode + '"')),
                               R"("return": )"))
    {
    }
    ~Opened() { host_.ask(request("guest-file-close", R"("handle":)" + handle_)); }
    Opened(const Opened&) = delete;
    const std::string& handle() const { return handle_; }
    void rewind() { host_.expect(request("guest-file-seek", R"("offset":0,"whence":"set","handle":)" + handle_), "position"); }

private:
    Host& host_;
    std::string handle_;
};

double rate(std::size_t mebibytes, Clock::time_point begin)
{
    return double(mebibytes) / (microseconds_since(begin) / 1e6);
}

double read(Host& host, Opened& file, std::size_t mebibytes)
{
    const std::string one = request("guest-file-read", R"("count":1048576,"handle":)" + file.handle());
    file.rewind();
    const auto begin = Clock::now();
    for (std::size_t i = 0; i < mebibytes; ++i) {
        host.ask(one);
        if (host.count() < mebibyte / 3 * 4)
            throw Failure("a read is too short");
    }
    return rate(mebibytes, begin);
}

double write(Host& host, Opened& file, std::size_t mebibytes)
{
    static const std::string text = [] {
        std::string letters;
        while (letters.size() < mebibyte / 3 * 4)
            letters += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        letters.resize(mebibyte / 3 * 4);
        return letters + "AA==";  // 2^20 is one more than a multiple of three
    }();
    const std::string one = request("guest-file-write", R"("handle":)" + file.handle() + R"(,"buf-b64":")" + text + '"');
    file.rewind();
    const auto begin = Clock::now();
    for (std::size_t i = 0; i < mebibytes; ++i)
        host.expect(one, R"("count": 1048576)");
    host.ask(request("guest-file-flush", R"("handle":)" + file.handle()));
    return rate(mebibytes, begin);
}

double cpu_milliseconds(const Server& server)  // of its main thread; ours has no other
{
    std::ifstream file("/proc/" + std::to_string(server.pid()) + "/schedstat");
    double nanoseconds = 0;
    file >> nanoseconds;
    return nanoseconds / 1e6;
}

using Transfer = double (*)(Host&, Opened&, std::size_t);

Results transfer(const Settings& settings, const std::string& what, const std::string& mode, BigFile::State state, Transfer move)
{
    const std::size_t mebibytes = settings.quick ? 32 : 128;
    const int rounds = settings.quick ? 5 : 9;
    Settings small = settings;
    small.big = mebibytes << 20;
    const BigFile file(small, "qga", state);
    const Server ours = Server::qga(settings), theirs = Server::qemu_ga(settings);
    Host to_ours(ours), to_theirs(theirs);
    Opened our_file(to_ours, file.path(), mode), their_file(to_theirs, file.path(), mode);

    double cpu = 0, moved = 0;
    const Rounds result = alternate(
        rounds,
        [&](int) {
            const double before = cpu_milliseconds(ours);
            const double speed = move(to_ours, our_file, mebibytes);
            cpu += cpu_milliseconds(ours) - before;
            moved += double(mebibytes);
            return speed;
        },
        [&](int) { return move(to_theirs, their_file, mebibytes); });
    return {by_median_ratio(what + " by 1 MiB (qemu-ga)", "MiB/s", result, {Goal::Is::at_least, 4}),
            absolute(what + ", CPU a MiB", "ms", cpu / moved, {Goal::Is::at_most, 1})};
}

}  // namespace

Results row_qga_ping(const Settings& settings)
{
    const int rounds = settings.quick ? 12 : 30, samples = 1000;
    const Server ours = Server::qga(settings), theirs = Server::qemu_ga(settings);
    Host to_ours(ours), to_theirs(theirs);
    const auto time = [](Host& host) { return median_of(samples, [&] { return ping(host); }); };
    Placement placement(ours, theirs);
    const Rounds result = alternate(
        rounds, [&](int round) { return placement.vary(round), time(to_ours); }, [&](int) { return time(to_theirs); });
    return {by_best("guest-ping (qemu-ga), best p50", "µs", result, {Goal::Is::at_most, 1})};
}

Results row_qga_exec(const Settings& settings)
{
    const int rounds = settings.quick ? 5 : 11, samples = 100;
    const Server ours = Server::qga(settings), theirs = Server::qemu_ga(settings);
    Host to_ours(ours), to_theirs(theirs);
    const auto time = [](Host& host) { return median_of(samples, [&] { return run(host); }); };
    const Rounds result = alternate(
        rounds, [&](int) { return time(to_ours); }, [&](int) { return time(to_theirs); });
    return {by_median_ratio("guest-exec (qemu-ga), p50", "µs", result, {Goal::Is::at_most, 0.8})};
}

Results row_qga_read(const Settings& settings)
{
    return transfer(settings, "guest-file-read", "r", BigFile::filled, read);
}

Results row_qga_write(const Settings& settings)
{
    return transfer(settings, "guest-file-write", "r+", BigFile::filled, write);
}

Results row_qga_memory(const Settings& settings)
{
    const std::size_t mebibytes = 64;
    Settings small = settings;
    small.big = mebibytes << 20;
    const BigFile file(small, "qga", BigFile::filled);
    const Server agent = Server::qga(settings);
    pause(settings.quick ? 1s : 5s);
    const Memory idle = agent.memory();
    {
        Host host(agent);
        Opened opened(host, file.path(), "r+");
        write(host, opened, mebibytes);
        read(host, opened, mebibytes);
    }
    const double peak = number_in("/proc/" + std::to_string(agent.pid()) + "/status", "VmHWM");
    return {absolute("qga: idle, private memory", "KiB", idle.private_dirty, {Goal::Is::at_most, 128}),
            absolute("qga: peak RSS over idle", "KiB", peak - idle.rss, {Goal::Is::at_most, 8192})};
}

}  // namespace bellhop::benchmark
