// SPDX-License-Identifier: Apache-2.0
// run with real children: when a command is over, and what becomes of it when nobody wants it any more.
#include "support/loop.hpp"

#include <list>
#include <sys/wait.h>

using namespace bellhop;
using namespace bellhop::test;

TEST_CASE("run: output and exit code", "[run]")
{
    const auto exits = GENERATE(os::Children::Exits::by_pidfd, os::Children::Exits::by_signal);
    const auto by = GENERATE(os::SpawnBy::shared_memory, os::SpawnBy::fork);
    Loop loop(exits, by);
    Sink sink;

    REQUIRE(loop.start(sink, "echo out; echo err >&2; exit 3"));
    CHECK_FALSE(sink.end);
    REQUIRE(loop.until([&] { return sink.end.has_value(); }));

    REQUIRE(*sink.end);
    CHECK((*sink.end)->how == ExitStatus::How::exited);
    CHECK((*sink.end)->code == 3);
    CHECK(sink.out == "out\n");
    CHECK(sink.err == "err\n");
    CHECK_FALSE((*sink.end)->pipes_open);
    CHECK(loop.policy.asked == std::vector<std::string>{"run"});
}

TEST_CASE("run: what cannot start says at which step and why", "[run]")
{
    Loop loop;
    Sink sink;
    op::Run::Request request;
    request.argv = {GENERATE(values<std::string>({"/does/not/exist", "does-not-exist"}))};

    auto job = loop.context.operations.start<op::Run>(loop.context, request, sink);

    REQUIRE_FALSE(job);
    CHECK(job.error().kind == Error::Kind::not_found);
    CHECK(job.error().os.value() == ENOENT);
    CHECK(job.error().text == "exec " + request.argv[0] + ": No such file or directory");
    CHECK(loop.jobs.running() == 0);

    request.argv = {"/bin/true"};
    request.directory = "/does/not/exist";
    auto other = loop.context.operations.start<op::Run>(loop.context, request, sink);
    REQUIRE_FALSE(other);
    CHECK(other.error().text.starts_with("chdir "));
}

TEST_CASE("run: a denied verb is not begun", "[run]")
{
    Loop loop;
    Sink sink;
    loop.policy.deny = true;

    Status status = loop.start(sink, "true");

    REQUIRE_FALSE(status);
    CHECK(status.error().kind == Error::Kind::denied);
}

TEST_CASE("run: the leader's exit and a grace end it, whoever holds the pipes", "[run]")
{
    Loop loop;
    Sink sink;

    REQUIRE(loop.start(sink, "echo before; (sleep 0.02; echo in the grace; sleep 300) & echo $!", {},
                       std::chrono::milliseconds(500)));
    REQUIRE(loop.until([&] { return sink.end.has_value(); }));

    CHECK((*sink.end)->pipes_open);
    CHECK(sink.out.find("in the grace") != std::string::npos);
    const pid_t grandchild = std::stoi(sink.out.substr(sink.out.find('\n') + 1));
    CHECK(::kill(grandchild, 0) == 0);
    ::kill(-::getpgid(grandchild), SIGKILL);
}

TEST_CASE("run: what the leader wrote is owed, however late it is asked for", "[run]")
{
    Loop loop;
    Sink sink;
    sink.hold_at_first = true;

    const auto started = std::chrono::steady_clock::now();
    REQUIRE(loop.start(sink, "head -c 300000 /dev/zero; sleep 300 & exit 0", {}, std::chrono::milliseconds(1)));
    loop.until([&] { return std::chrono::steady_clock::now() - started > std::chrono::milliseconds(100); });
    CHECK_FALSE(sink.end);

    sink.job->hold(false);
    REQUIRE(loop.until([&] { return sink.end.has_value(); }));
    CHECK(sink.out.size() == 300000);
    CHECK((*sink.end)->pipes_open);
}

TEST_CASE("run: at the limit the whole group goes", "[run]")
{
    Loop loop;
    Sink sink;

    REQUIRE(loop.start(sink, "sleep 300 & sleep 300", std::chrono::milliseconds(30)));
    REQUIRE(loop.until([&] { return sink.end.has_value(); }));

    CHECK((*sink.end)->how == ExitStatus::How::timed_out);
    CHECK_FALSE((*sink.end)->pipes_open);
}

TEST_CASE("run: dropping the lease kills the group, also from inside a call", "[run]")
{
    Loop loop;
    Sink sink;
    sink.drop_at_output = true;

    REQUIRE(loop.start(sink, "sleep 300 & echo $$; sleep 300"));
    REQUIRE(loop.until([&] { return !sink.job; }));

    CHECK_FALSE(sink.end);
    CHECK(loop.jobs.running() == 0);
    CHECK(loop.until([leader = std::stoi(sink.out)] { return ::kill(-leader, 0) < 0 && errno == ESRCH; }));  // reaped, too
}

TEST_CASE("run: an exception out of the sink stops at the barrier", "[run]")
{
    Loop loop;
    Sink sink;
    sink.throw_at_output = true;

    REQUIRE(loop.start(sink, "echo now; sleep 300"));
    REQUIRE(loop.until([&] { return loop.barrier.bugs > 0; }));
    loop.until([tries = 0]() mutable { return ++tries > 3; });
    CHECK(loop.barrier.bugs == 1);  // who takes nothing is held: no spinning
}

TEST_CASE("run: one over the limit waits its turn", "[run][jobs]")
{
    Loop loop;
    std::list<Sink> sinks(5);

    for (Sink& sink : sinks)
        REQUIRE(loop.start(sink, "true"));
    CHECK(loop.jobs.running() == 2);
    CHECK(loop.jobs.waiting() == 3);

    sinks.back().job.reset();  // a waiting lease may be dropped too
    sinks.pop_back();
    for (Sink& sink : sinks)
        CHECK(loop.until([&] { return sink.end.has_value(); }));
    CHECK(loop.jobs.running() == 0);
    CHECK(loop.jobs.waiting() == 0);
}

TEST_CASE("run: what waits for its turn and cannot start ends with that error", "[run][jobs]")
{
    Loop loop;
    std::list<Sink> sinks(3);
    for (Sink& sink : sinks) {
        op::Run::Request request;
        request.argv = {&sink == &sinks.back() ? "/does/not/exist" : "/bin/true"};
        REQUIRE(loop.start(sink, std::move(request)));
    }

    CHECK(loop.until([&] { return sinks.back().end.has_value(); }));

    CHECK_FALSE(*sinks.back().end);
    CHECK(sinks.back().end->error().os.value() == ENOENT);
    CHECK(loop.until([&] { return loop.jobs.running() == 0; }));
}

TEST_CASE("run: a signal is told as one, and a limit that was not reached is not", "[run]")
{
    Loop loop;
    Sink sink;

    REQUIRE(loop.start(sink, "kill -TERM $$", std::chrono::seconds(60)));
    REQUIRE(loop.until([&] { return sink.end.has_value(); }));

    CHECK((*sink.end)->how == ExitStatus::How::signaled);
    CHECK((*sink.end)->code == SIGTERM);
    CHECK_FALSE((*sink.end)->oom);
}

TEST_CASE("run: usage is that of this child alone", "[run]")
{
    Loop loop;
    Sink busy, idle;

    REQUIRE(loop.start(busy, "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"));
    REQUIRE(loop.until([&] { return busy.end.has_value(); }));
    REQUIRE(loop.start(idle, "true"));
    REQUIRE(loop.until([&] { return idle.end.has_value(); }));

    CHECK((*busy.end)->usage.user > std::chrono::milliseconds(10));
    CHECK((*idle.end)->usage.user < (*busy.end)->usage.user / 2);
    CHECK((*busy.end)->wall >= (*busy.end)->usage.user / 2);
    CHECK((*busy.end)->usage.counts[0] > 0);
}

TEST_CASE("run: a thousand commands leave no descriptor and no zombie", "[run]")
{
    Loop loop(GENERATE(os::Children::Exits::by_pidfd, os::Children::Exits::by_signal));
    Sink first;
    REQUIRE(loop.start(first, "true"));
    REQUIRE(loop.until([&] { return first.end.has_value(); }));
    const std::size_t descriptors = open_descriptors();

    for (int i = 0; i < 500; ++i) {
        Sink one, other;
        REQUIRE(loop.start(one, "echo x"));
        REQUIRE(loop.start(other, "echo y >&2; exit 1"));
        if (i % 3 == 0)
            other.job.reset();
        REQUIRE(loop.until([&] { return one.end && (i % 3 == 0 || other.end); }));
        CHECK(one.out == "x\n");
    }

    CHECK(loop.until([] { return children_of_ours().empty(); }));
    CHECK(open_descriptors() == descriptors);
    CHECK(loop.jobs.running() == 0);
}

TEST_CASE("run: storms on both streams arrive whole", "[run]")
{
    Loop loop;
    Sink sink;

    REQUIRE(loop.start(sink, "head -c 5000000 /dev/zero & head -c 3000000 /dev/zero >&2; wait"));
    REQUIRE(loop.until([&] { return sink.end.has_value(); }));

    CHECK(sink.out.size() == 5000000);
    CHECK(sink.err.size() == 3000000);
}

TEST_CASE("run: a command that closes its outputs is over when it exits", "[run]")
{
    Loop loop;
    Sink sink;

    REQUIRE(loop.start(sink, "echo last; exec >&- 2>&-; sleep 0.05; exit 7"));
    REQUIRE(loop.until([&] { return sink.end.has_value(); }));

    CHECK((*sink.end)->code == 7);
    CHECK(sink.out == "last\n");
    CHECK((*sink.end)->wall >= std::chrono::milliseconds(50));
}
