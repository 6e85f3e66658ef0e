// SPDX-License-Identifier: Apache-2.0
// An agent inside somebody else's loop, with a transport, a dialect and an operation that bellhop does not know. Talks with
// itself through them, and in frames over a unix socket; then ends the agent in the middle of a command and looks for what is
// left. embedder DIRECTORY: for the socket. Exit code 0: every check held; the others are on standard error.
#include <bellhop/agent.hpp>

#if defined(ASIO_STANDALONE) || defined(ASIO_NO_DEPRECATED) || defined(BELLHOP_VERSION)
#error "bellhop's macros reach its embedder"
#endif

#include "greeting.hpp"
#include "lines.hpp"
#include "pair.hpp"

#include <bellhop/fd.hpp>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace bellhop;
using namespace std::chrono_literals;

int failed = 0;

void check(bool holds, const std::string& sentence)
{
    std::fprintf(stderr, "%s: %s\n", holds ? "holds" : "FAILS", sentence.c_str());
    failed += !holds;
}

class StandardError final : public Log {
    bool wants(Level) const override { return true; }
    void write(Level, std::string_view line) override { std::fprintf(stderr, "log: %.*s\n", int(line.size()), line.data()); }
};

class Ticker {  // what the embedder's loop is there for
public:
    explicit Ticker(asio::io_context& io) : timer_(io) { wait(); }
    int ticks() const { return ticks_; }
    void stop() { timer_.cancel(); }

private:
    void wait()
    {
        timer_.expires_after(1ms);
        timer_.async_wait(std::bind_front(&Ticker::on_tick, this));
    }
    void on_tick(std::error_code ec)
    {
        if (ec)
            return;
        ++ticks_;
        wait();
    }
    asio::steady_timer timer_;
    int ticks_ = 0;
};

template <class Condition> bool turn_until(asio::io_context& io, Condition condition)
{
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!condition() && std::chrono::steady_clock::now() < deadline)
        io.run_one_for(20ms);
    return condition();
}

class Host {  // the other end of a conversation, in the same loop
public:
    Host(asio::io_context& io, Fd socket) : io_(io), socket_(std::move(socket)) {}
    void say(std::string_view words) { ::send(socket_.get(), words.data(), words.size(), MSG_NOSIGNAL); }
    void request(const std::string& json)
    {
        const char header[] = {1, 0, 0, 0, char(json.size())};  // frames: JSON, and its length
        say(std::string(header, sizeof header) + json);
    }
    bool hears(std::string_view words)
    {
        const bool heard = turn_until(io_, [&] { return listen().find(words) != std::string::npos; });
        if (!heard)
            std::fprintf(stderr, "heard: %s\n", heard_.c_str());
        return heard;
    }
    bool hears_end()
    {
        return turn_until(io_, [&] { return listen(), over_; });
    }
    const std::string& heard() const { return heard_; }

private:
    const std::string& listen()
    {
        char chunk[4096];
        const ssize_t count = ::recv(socket_.get(), chunk, sizeof chunk, MSG_DONTWAIT);
        over_ = count == 0;
        heard_.append(chunk, std::size_t(std::max<ssize_t>(count, 0)));
        return heard_;
    }
    asio::io_context& io_;
    Fd socket_;
    std::string heard_;
    bool over_ = false;
};

Fd connected_to(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    check(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "the unix socket listens");
    return socket;
}

// ---- what a library has to leave alone

std::string settings()
{
    std::string all;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        for (const char* name : {"Umask:", "SigBlk:", "SigIgn:", "SigCgt:"})
            all += line.starts_with(name) ? line + "\n" : "";
    for (int number : {SIGPIPE, SIGCHLD, SIGTERM}) {
        struct sigaction now;
        ::sigaction(number, nullptr, &now);
        all += std::to_string(reinterpret_cast<std::uintptr_t>(now.sa_handler)) + "\n";
    }
    return all + std::filesystem::current_path().string();
}

std::set<std::string> descriptors()
{
    std::set<std::string> all;
    std::error_code ec;  // what is listed may be gone: the listing's own descriptor
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        all.insert(entry.path().filename().string() + " " + std::filesystem::read_symlink(entry.path(), ec).string());
    return all;
}

bool no_child_is_left()
{
    return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
}

// ---- the conversations

void talk_in_lines(Host& host)
{
    host.say("upper case");
    host.say("\ngreet you\nshout\n");
    check(host.hears("CASE\n"), "the dialect of ours answers over the transport of ours");
    check(host.hears("hello you, main speaks lines with ourselves\n"), "the operation of ours is called");
    check(host.hears("error: no word 'shout'\n"), "and knows nothing else");
}

void talk_in_frames(asio::io_context& io, const std::string& path)
{
    Host ping(io, connected_to(path));
    ping.request(R"({"op":"ping"})");
    check(ping.hears("\"pong\""), "frames answers over a unix socket");
    Host info(io, connected_to(path));
    info.request(R"({"op":"info"})");
    check(info.hears(R"("lines")"), "info lists the dialect of ours");
    check(info.hears(R"({"name":"greeting","enabled":true})"), "info lists the operation of ours");
}

void add_rows(Agent& agent, int end)
{
    check(bool(agent.add(embedder::pair_row(end))), "a transport is added");
    check(bool(agent.add(embedder::lines_row())), "a dialect is added");
    check(bool(agent.add(embedder::greeting_row("main"))), "an operation is added");
    const Status again = agent.add(TransportRow{"unix", "frames", embedder::pair_row(-1).make});
    check(!again && again.error().text == "there is a transport 'unix' already", "a transport that exists is not added");
    check(!agent.add(DialectRow{"frames", embedder::lines_row().make}), "a dialect that exists is not added");
    check(!agent.add(embedder::greeting_row("else")), "an operation that exists is not added");
}

void serve(asio::io_context& io, Ticker& ticker, const int& terms, const std::string& path)
{
    int ends[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0, "there is a socketpair");
    Host pair(io, Fd(ends[0]));
    StandardError log;
    Config config;
    config.listen = {{"pair", "", ""}, {"unix", path, "frames"}};
    auto agent = std::make_unique<Agent>(io, config, log);
    add_rows(*agent, ends[1]);
    const Status started = agent->start();
    check(bool(started), "the agent starts" + (started ? "" : ": " + started.error().text));
    check(!agent->add(TransportRow{"late", "lines", embedder::pair_row(-1).make}), "nothing is added after the start");

    talk_in_lines(pair);
    talk_in_frames(io, path);
    ::raise(SIGTERM);
    check(turn_until(io, [&] { return terms == 1; }), "SIGTERM is still the embedder's");

    Host command(io, connected_to(path));
    command.request(R"({"op":"run","shell":"raw","cmd":"echo $$; exec sleep 1000"})");
    check(command.hears("\n"), "a command runs");
    const pid_t pid = command.heard().size() > 5 ? std::atoi(command.heard().c_str() + 5) : 0;  // behind the frame's header
    check(pid > 1 && ::kill(pid, 0) == 0, "it is there");
    const int ticks = ticker.ticks();
    agent.reset();
    check(::kill(pid, 0) < 0 && errno == ESRCH, "it is gone with the agent");
    check(command.hears_end() && pair.hears_end(), "the links are closed");
    check(::access(path.c_str(), F_OK) < 0, "the socket's file is gone");
    check(turn_until(io, [&] { return ticker.ticks() > ticks; }), "the embedder's own timer goes on");
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 2)
        return 2;
    std::signal(SIGPIPE, SIG_IGN);  // bellhop asks that of its embedder
    asio::io_context io;
    int terms = 0;
    asio::signal_set term(io, SIGTERM);
    term.async_wait([&terms](std::error_code ec, int) { terms += !ec; });
    Ticker ticker(io);
    check(turn_until(io, [&] { return ticker.ticks() > 0; }), "the loop has begun");

    const std::string settings_before = settings();
    const std::set<std::string> descriptors_before = descriptors();
    serve(io, ticker, terms, argv[1] + std::string("/socket"));
    check(settings() == settings_before, "signals, umask and directory are as they were");
    check(descriptors() == descriptors_before, "the descriptors are those that were there before");
    check(no_child_is_left(), "no child is left");

    ticker.stop();
    io.run_for(30s);
    check(io.stopped(), "nothing is left in the loop");
    return failed ? 1 : 0;
}
