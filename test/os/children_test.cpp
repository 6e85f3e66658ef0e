// SPDX-License-Identifier: Apache-2.0
// As subreaper: strangers are reaped, our own are left to who waits for them.
#include "os/signals.hpp"
#include "support/loop.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>

using namespace bellhop;
using namespace bellhop::test;

TEST_CASE("children: orphans that come to us are reaped, our own keep their exit code", "[children]")
{
    const auto exits = GENERATE(os::Children::Exits::by_pidfd, os::Children::Exits::by_signal);
    REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    {
        Loop loop(exits);
        loop.children.reap_strangers();
        Sink orphans, own;

        REQUIRE(loop.start(own, "sleep 0.2; exit 5"));
        REQUIRE(loop.start(orphans, "for i in 1 2 3 4 5 6 7 8 9 10; do (setsid sleep 0.0$i & ) ; done"));
        REQUIRE(loop.until([&] { return orphans.end && own.end; }));

        CHECK((*own.end)->code == 5);
        CHECK((*orphans.end)->code == 0);
        CHECK(loop.until([] { return children_of_ours().empty(); }));
    }
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("children: a killed child that nobody waits for is reaped all the same", "[children]")
{
    Loop loop(GENERATE(os::Children::Exits::by_pidfd, os::Children::Exits::by_signal));
    Sink sink;
    REQUIRE(loop.start(sink, "sleep 300"));
    CHECK_FALSE(children_of_ours().empty());

    sink.job.reset();

    CHECK(loop.until([] { return children_of_ours().empty(); }));
}

TEST_CASE("children: what was killed when all ends is not left as a zombie", "[children]")
{
    const auto exits = GENERATE(os::Children::Exits::by_pidfd, os::Children::Exits::by_signal);
    {
        Loop loop(exits);
        Sink sink;
        REQUIRE(loop.start(sink, "sleep 300"));
        sink.job.reset();
    }
    CHECK(children_of_ours().empty());
}

TEST_CASE("signals: they come as calls, again and again, until the owner lets go", "[signals]")
{
    Loop loop;
    int seen = 0;
    {
        os::Signals signals(loop.io, {SIGUSR1}, [&](int number) { seen += number == SIGUSR1; });
        for (int i = 1; i <= 3; ++i) {
            ::raise(SIGUSR1);
            REQUIRE(loop.until([&] { return seen == i; }));
        }
        ::raise(SIGUSR1);  // delivered to the loop, but the owner goes first
    }
    loop.until([n = 0]() mutable { return ++n > 3; });
    CHECK(seen == 3);
}
