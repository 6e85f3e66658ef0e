// SPDX-License-Identifier: Apache-2.0
// What the rows share: a server under measurement (the agent or a floor), the client, comparison in
// rounds, and a row's result. A row is one function in the table of main.cpp; it starts the servers
// that it needs and returns one Result or several.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace bellhop::benchmark {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Failure : std::runtime_error {  // this row could not be measured; the others go on
    using std::runtime_error::runtime_error;
};
struct Interrupted {};  // SIGINT or SIGTERM: everything unwinds and cleans up behind itself

Failure system_failure(const std::string& what);
void stop_on_signals();
void check_interrupted();
void pause(std::chrono::milliseconds);
void wait_until(const char* what, std::chrono::milliseconds limit, const std::function<bool()>& true_yet);
double microseconds_since(Clock::time_point);

struct Settings {
    std::string agent;            // the binary under measurement
    std::string floor;            // the program of floor.c
    std::string fakexen;          // the library of test/peers/fakexen.c
    std::string sockets;          // a directory of our own
    std::string files;            // a directory of our own on tmpfs, for the big files
    std::uint64_t big = 1 << 30;  // bytes of a big file
    bool quick = false;
};

class Fd {
public:
    explicit Fd(int fd = -1) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept { return std::swap(fd_, other.fd_), *this; }
    ~Fd();
    int get() const { return fd_; }

private:
    int fd_;
};

// ---- server.cpp

void adopt_orphans();  // commands that outlive an agent become our children
void end_orphans();

// The number after "NAME:" in a file of proc(5), 0 if there is no such line.
double number_in(const std::string& path, std::string_view name);

// KiB, from /proc/PID/smaps_rollup. Private is what was written to: clean pages of the program's
// file count as private there as long as a single process maps them, but the kernel can drop them.
struct Memory {
    double rss, private_dirty, anonymous;
};

// A process of ours that listens on a unix socket: started by the constructor, listening when it
// returns, ended by the destructor.
class Server {
public:
    static Server agent(const Settings&, const std::vector<std::string>& options = {});
    static Server qga(const Settings&);        // the agent, in the language of
    static Server qemu_ga(const Settings&);    // QEMU's own, where that is installed
    static Server xenstored(const Settings&);  // Xen's own, where tools/fetch-xen has got it
    static Server floor(const Settings&, const std::string& kind, const std::string& argument = "");
    ~Server();
    Server(const Server&) = delete;

    const std::string& socket() const { return socket_; }
    pid_t pid() const { return pid_; }
    // µs from before vfork() to the first connect() that succeeds.
    double start_time() const { return start_time_; }
    Memory memory() const;
    int descriptors() const;
    std::vector<pid_t> children() const;  // zombies too
    long context_switches() const;        // of all threads

private:
    Server(std::vector<std::string> command, std::string socket, std::string log);
    void start(const std::vector<std::string>& command);
    void wait_listening();
    void require_alive() const;  // a dead server needs no memory and never wakes up
    std::string socket_, log_;
    pid_t pid_ = -1;
    Fd pidfd_;
    double start_time_ = 0;
};

// ---- client.cpp: each is one connection, from connect to close, and checks the answer

Fd connect_to(const std::string& socket);
Fd start_run(const Server&, std::string_view command);                               // the answer is left to come
double ping(const Server&);                                                          // µs
double run(const Server&, std::string_view command);                                 // µs; the command must exit with 0
double run_for_output(const Server&, std::string_view command, std::uint64_t size);  // MiB/s
double get(const Server&, const std::string& path, std::uint64_t size);              // MiB/s
double put(const Server&, const std::string& path, std::uint64_t size);              // MiB/s

// ---- results

struct Goal {
    enum class Is { at_most, at_least } is;
    double limit;
};

struct Result {
    std::string what, unit;
    double ours;
    std::optional<double> floor;  // with it the goal is about ours / floor
    Goal goal;
    std::vector<double> ours_rounds, floor_rounds, ratio_rounds;
    std::optional<double> ratio;

    bool met() const;
};

double median(std::vector<double>);
double median_of(int samples, const std::function<double()>& sample);

// One round is a measurement of ours, then one of the floor: A B A B …
struct Rounds {
    std::vector<double> ours, floor;
};
Rounds alternate(int rounds, const std::function<double(int round)>& ours, const std::function<double(int round)>& floor);
Result by_median_ratio(std::string what, std::string unit, const Rounds&, Goal);
Result by_best(std::string what, std::string unit, const Rounds&, Goal);
Result absolute(std::string what, std::string unit, double ours, Goal);

// ---- rows

using Results = std::vector<Result>;
Results row_run(const Settings&);  // latency.cpp
Results row_ping(const Settings&);
Results row_start(const Settings&);
Results row_stdout(const Settings&);  // throughput.cpp
Results row_get(const Settings&);
Results row_put(const Settings&);
Results row_idle(const Settings&);  // memory.cpp
Results row_commands(const Settings&);
Results row_transfers(const Settings&);
Results row_wakeups(const Settings&);
Results row_many_runs(const Settings&);
Results row_end(const Settings&);  // life.cpp
Results row_reload(const Settings&);

Results row_qga_ping(const Settings&);  // qga.cpp
Results row_qga_exec(const Settings&);
Results row_qga_read(const Settings&);
Results row_qga_write(const Settings&);
Results row_qga_memory(const Settings&);

Results row_xenstore(const Settings&);  // xenstore.cpp
Results row_xenstore_memory(const Settings&);
Results row_xenstore_wakeups(const Settings&);

// ---- report.cpp

struct RowReport {
    std::string row;
    Results results;
    std::string failure;  // when it could not be measured
};
void print_heading(const Settings&);
void print_row(const RowReport&);
void print_peers();
void write_json(const std::string& path, const Settings&, const std::vector<RowReport>&);

}  // namespace bellhop::benchmark
