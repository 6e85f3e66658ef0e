// SPDX-License-Identifier: Apache-2.0
// What the process class alone decides: owed, open and dry outputs, and whose death an out-of-memory kill is.
#include "os/process.hpp"
#include "support/loop.hpp"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace bellhop;
using namespace bellhop::test;

namespace {

struct Events final : os::ProcessEvents {
    std::string out;
    bool exited = false, take = true;
    void on_output(Stream, const std::shared_ptr<Source>& source) override
    {
        if (take)
            out += text_of(source->take(source->available()));
    }
    void on_exit() override { exited = true; }
    void on_output_changed() override {}
};

std::unique_ptr<os::Process> spawn(Loop& loop, Events& events, std::string command, Timers* timers = nullptr)
{
    os::SpawnPlan plan;
    plan.argv = {"/bin/sh", "-c", std::move(command)};
    auto process = os::Process::spawn(loop.io, timers ? *timers : loop.timers, loop.children, Chunk(loop.chunk), std::move(plan),
                                      os::Process::Input::none, events);
    REQUIRE(process);
    return std::move(*process);
}

int watched()  // descriptors in epoll sets of ours: proc_pid_fdinfo(5)
{
    int count = 0;
    for (const auto& one : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
        std::ifstream file(one.path());
        for (std::string line; std::getline(file, line);)
            count += line.starts_with("tfd:");
    }
    return count;
}

}  // namespace

TEST_CASE("process: what the leader wrote and nobody took is owed", "[process]")
{
    Loop loop;
    Events events;
    const auto process = spawn(loop, events, "echo owed");
    process->hold_output(true);

    REQUIRE(loop.until([&] { return events.exited; }));
    CHECK(process->output() == os::Process::Output::owed);
    process->hold_output(false);
    CHECK(loop.until([&] { return process->output() == os::Process::Output::dry; }));
    CHECK(events.out == "owed\n");
    CHECK(process->reap());
}

TEST_CASE("process: an output that a grandchild holds is open", "[process]")
{
    Loop loop;
    Events events;
    const auto process = spawn(loop, events, "sleep 300 & exit 0");

    REQUIRE(loop.until([&] { return events.exited; }));
    CHECK(process->output() == os::Process::Output::open);
    process->signal_group(SIGKILL);
    CHECK(loop.until([&] { return process->output() == os::Process::Output::dry; }));
    CHECK(process->reap());
}

TEST_CASE("process: a sink that does nothing is held, and the loop sleeps", "[process]")
{
    Loop loop;
    Events events;
    events.take = false;
    const auto process = spawn(loop, events, "echo x; sleep 300");
    const auto clock = [] {
        timespec t;
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
    };

    const auto before = clock();
    loop.io.run_for(std::chrono::milliseconds(200));
    CHECK(clock() - before < std::chrono::milliseconds(100));
}

TEST_CASE("process: an output that is held does not wake the loop", "[process]")
{
    Loop loop;
    Events events;
    const auto process = spawn(loop, events, "echo x; sleep 300");
    const int before = watched();
    process->hold_output(true);

    CHECK(loop.until([&] { return watched() == before - 1; }));
}

TEST_CASE("process: a child that writes fast is let write for a moment, unwatched", "[process]")
{
    Loop loop;
    Events events;
    FakeTimers timers;
    TempDir dir;
    REQUIRE(::mkfifo((dir / "go").c_str(), 0600) == 0);
    const Fd go(::open((dir / "go").c_str(), O_RDWR | O_CLOEXEC));
    const auto process =
        spawn(loop, events, "cd " + dir.path() + "; head -c 40000 /dev/zero; : > one; read x < go; echo more; : > two; sleep 300",
              &timers);
    const int without = watched() - 1;
    process->hold_output(true);  // so that the first look finds all of it
    REQUIRE(loop.until([&] { return watched() == without && std::filesystem::exists(dir / "one"); }));
    process->hold_output(false);
    REQUIRE(loop.until([&] { return events.out.size() == 40000; }));
    CHECK(timers.waiting() == 1);
    CHECK(watched() == without);

    REQUIRE(::write(go.get(), "\n", 1) == 1);
    REQUIRE(loop.until([&] { return std::filesystem::exists(dir / "two"); }));
    CHECK(events.out.size() == 40000);
    timers.advance(std::chrono::milliseconds(1));
    CHECK(events.out.ends_with("more\n"));
    CHECK(timers.waiting() == 0);
    CHECK(watched() == without + 1);
}

TEST_CASE("process: a kill that was ours or anyone's is no out-of-memory kill", "[process]")
{
    Loop loop;
    Events events;
    const auto process = spawn(loop, events, "kill -9 $$");

    REQUIRE(loop.until([&] { return events.exited; }));
    const Result<ExitStatus> status = process->reap();
    REQUIRE(status);
    CHECK(status->code == SIGKILL);
    CHECK_FALSE(status->oom);
}

TEST_CASE("process: an exit status that somebody else has taken is no success", "[process]")
{
    Loop loop;
    Events events;
    ::signal(SIGCHLD, SIG_IGN);  // the kernel reaps by itself
    const auto process = spawn(loop, events, "exit 7");

    REQUIRE(loop.until([&] { return events.exited; }));
    ::signal(SIGCHLD, SIG_DFL);
    CHECK_FALSE(process->reap());
}
