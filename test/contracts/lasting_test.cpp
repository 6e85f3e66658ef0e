// SPDX-License-Identifier: Apache-2.0
// What the contracts promise to dialects that are not here yet.
#include "support/fakes.hpp"
#include "support/lasting.hpp"

using namespace bellhop;
using namespace bellhop::test;

namespace {

std::string ask(Dialect& dialect, World& world, std::string_view line)  // over a connection of its own
{
    FakeOutbox outbox;
    const std::unique_ptr<ChannelSession> session = dialect.open(outbox, world.context);
    session->on_bytes(bytes_of(line));
    return outbox.sent();
}

}  // namespace

TEST_CASE("contracts: a lease held by a dialect outlives the link that asked for it", "[contracts]")
{
    World world;
    Lasting dialect(world.context);

    CHECK(ask(dialect, world, "start cat\n") == "1\n");
    CHECK_FALSE(world.operations.run.dropped);
    CHECK(ask(dialect, world, "status 1\n") == "running\n");

    world.operations.run.writes(Stream::out, "hi");
    world.operations.run.ends(ExitStatus{});

    CHECK(ask(dialect, world, "status 1\n") == "exit 0 hi\n");
    CHECK(world.operations.run.dropped);
}

TEST_CASE("contracts: a job is fed through input, and told when there is no more", "[contracts]")
{
    World world;
    Lasting dialect(world.context);
    ask(dialect, world, "start cat\n");

    CHECK(world.operations.run.started->input == op::Run::Input::given);
    CHECK(ask(dialect, world, "input 1 abc\n") == "more\n");
    world.operations.run.input_full = true;
    CHECK(ask(dialect, world, "input 1 def\n") == "full\n");
    CHECK(ask(dialect, world, "end 1\n") == "ended\n");

    CHECK(world.operations.run.input == "abcdef");
    CHECK(world.operations.run.input_ended);
}

TEST_CASE("contracts: a host that went in mid-line leaves nothing to the next one", "[contracts]")
{
    World world;
    Lasting dialect(world.context);
    const std::unique_ptr<ChannelSession> session = dialect.open(world.outbox, world.context);

    session->on_attach();
    session->on_bytes(bytes_of("start the"));
    session->on_detach();
    session->on_attach();
    session->on_bytes(bytes_of("status 7\n"));

    CHECK(world.outbox.sent() == "hello\nhello\nnone\n");
}

TEST_CASE("contracts: shares of a budget come back when their holders die", "[contracts]")
{
    Budget budget(100);
    {
        Budget::Share one(budget), other(budget);
        CHECK(one.take(60));
        CHECK_FALSE(other.take(41));
        CHECK(other.take(40));
        CHECK(budget.used() == 100);
        one.give_back();
        CHECK(other.take(60));
    }
    CHECK(budget.used() == 0);
    Budget::Share again(budget);
    CHECK_FALSE(again.take(std::size_t(-1)));
}
