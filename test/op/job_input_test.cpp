// SPDX-License-Identifier: Apache-2.0
// Feeding a command: through the pipe, past its size, to one that does not listen, and before its turn has come.
#include "support/loop.hpp"

using namespace bellhop;
using namespace bellhop::test;

namespace {

op::Run::Request fed(std::string command)
{
    op::Run::Request request;
    request.argv = {"/bin/sh", "-c", std::move(command)};
    request.input = op::Run::Input::given;
    return request;
}

}  // namespace

TEST_CASE("input: a command hears what it is given, and its end", "[run][input]")
{
    Loop loop;
    Sink sink;

    REQUIRE(loop.start(sink, fed("cat; echo over")));
    CHECK(sink.job->input(bytes_of("one ")) == Outbox::Room::more);
    CHECK(sink.job->input(bytes_of("two ")) == Outbox::Room::more);
    sink.job->end_input();

    REQUIRE(loop.until([&] { return sink.end.has_value(); }));
    CHECK(sink.out == "one two over\n");
}

TEST_CASE("input: more than the pipe takes is full, and room is told when it has gone", "[run][input]")
{
    Loop loop;
    Sink sink;
    const std::string much(1 << 20, 'x');

    REQUIRE(loop.start(sink, fed("sleep 0.05; wc -c")));
    CHECK(sink.job->input(bytes_of(much)) == Outbox::Room::full);
    CHECK(sink.input_rooms == 0);
    REQUIRE(loop.until([&] { return sink.input_rooms == 1; }));
    sink.job->input(bytes_of(much));
    sink.job->end_input();

    REQUIRE(loop.until([&] { return sink.end.has_value(); }));
    CHECK(std::stoi(sink.out) == 2 << 20);
}

TEST_CASE("input: a command that does not listen neither blocks nor breaks us", "[run][input]")
{
    Loop loop;
    Sink sink;

    REQUIRE(loop.start(sink, fed("exec <&-; sleep 0.05; echo deaf")));
    for (int i = 0; i < 100 && sink.job; ++i) {
        sink.job->input(bytes_of(std::string(100000, 'x')));
        loop.io.run_one_for(std::chrono::milliseconds(1));
        loop.io.restart();
    }

    REQUIRE(loop.until([&] { return sink.end.has_value(); }));
    CHECK(sink.out == "deaf\n");
}

TEST_CASE("input: what is given before the turn comes is heard after it", "[run][input][jobs]")
{
    Loop loop;
    Sink first, second, third;
    REQUIRE(loop.start(first, "sleep 0.05"));
    REQUIRE(loop.start(second, "sleep 0.05"));

    REQUIRE(loop.start(third, fed("cat")));
    CHECK(third.job->input(bytes_of("early ")) == Outbox::Room::full);
    REQUIRE(loop.until([&] { return third.input_rooms == 1; }));
    third.job->input(bytes_of("late"));
    third.job->end_input();

    REQUIRE(loop.until([&] { return third.end.has_value(); }));
    CHECK(third.out == "early late");
}

TEST_CASE("input: a command that is not fed reads nothing", "[run][input]")
{
    Loop loop;
    Sink sink;

    REQUIRE(loop.start(sink, "cat; readlink /proc/$$/fd/0"));
    sink.job->input(bytes_of("ignored"));
    sink.job->end_input();

    REQUIRE(loop.until([&] { return sink.end.has_value(); }));
    CHECK(sink.out == "/dev/null\n");
}
