// SPDX-License-Identifier: Apache-2.0
// XenStore when it is not as one would wish: transactions that begin again, daemons that go, answers that are lost.
#include "agent/store_view.hpp"
#include "support/fake_xenstored.hpp"

using namespace bellhop;
using namespace bellhop::test;
using namespace std::chrono_literals;

namespace {

// Takes request 1 and answers it, as nova does.
struct Answering {
    std::vector<std::string> read;
    void operator()(const std::shared_ptr<Store::Transaction>& transaction)
    {
        transaction->read("data/host/1", [this, transaction](Result<std::string> request) {
            read.push_back(request ? *request : Said::text(request.error()));
            if (!request)
                return transaction->abort();
            transaction->remove("data/host/1");
            transaction->write("data/guest/1", "did " + *request);
            transaction->commit();
        });
    }
};

std::uint32_t begins(FakeXenstored& daemon, std::uint32_t number)
{
    const Request start = daemon.hears(Type::transaction_start, "\0"s);
    CHECK(start.transaction == 0);
    daemon.answers(start, std::to_string(number) + "\0"s);
    return number;
}

struct Transacting : FakeXenstored {  // it has begun, as number 3
    Answering body;
    Said said;
    explicit Transacting(Manner m = Manner::socket) : FakeXenstored(m)
    {
        store->transaction(std::ref(body), said.status());
        begins(*this, 3);
    }
};

Request within(FakeXenstored& daemon, std::uint32_t number, Type type, std::string_view payload)
{
    const Request request = daemon.hears(type, payload);
    CHECK(request.transaction == number);
    return request;
}

}  // namespace

TEST_CASE("xenstore: a transaction that was in somebody's way runs again, with fresh reads, as often as it takes", "[xenstore]")
{
    FakeXenstored daemon(GENERATE(Manner::socket, Manner::device));
    Answering body;
    Said said, other;
    daemon.store->transaction(std::ref(body), said.status());

    constexpr unsigned storms = 200;
    for (unsigned n = 1; n <= storms; ++n) {
        begins(daemon, n);
        daemon.answers(within(daemon, n, Type::read, "data/host/1\0"s), std::to_string(n));
        daemon.answers(within(daemon, n, Type::remove, "data/host/1\0"s), "OK\0"s);
        daemon.answers(within(daemon, n, Type::write, "data/guest/1\0"s + "did " + std::to_string(n)), "OK\0"s);
        const Request end = within(daemon, n, Type::transaction_end, "T\0"s);
        if (n == 100)  // the others have their turn meanwhile
            daemon.store->read("a", other.value());
        if (n < storms)
            daemon.refuses(end, "EAGAIN");
        else
            daemon.answers(end, "OK\0"s);
        if (n == 100)
            daemon.answers(daemon.hears(Type::read, "a\0"s), "A");
    }

    CHECK(body.read.size() == storms);
    CHECK(body.read.back() == std::to_string(storms));
    CHECK(said.all == All{"done"});
    CHECK(other.all == All{"A"});
}

TEST_CASE("xenstore: a transaction whose write fails changes nothing, and says why", "[xenstore]")
{
    Transacting daemon;
    daemon.answers(within(daemon, 3, Type::read, "data/host/1\0"s), "x");
    const Request remove = within(daemon, 3, Type::remove, "data/host/1\0"s);
    const Request write = within(daemon, 3, Type::write, "data/guest/1\0"s + "did x");
    CHECK(daemon.silent());  // no end before all is answered
    daemon.answers(remove, "OK\0"s);
    daemon.refuses(write, "ENOSPC");
    daemon.answers(within(daemon, 3, Type::transaction_end, "F\0"s), "OK\0"s);

    CHECK(daemon.said.all == All{failed(ENOSPC)});
}

TEST_CASE("xenstore: a host that has given up gets no answer, and the transaction ends", "[xenstore]")
{
    Transacting daemon;
    daemon.refuses(within(daemon, 3, Type::read, "data/host/1\0"s), "ENOENT");
    daemon.answers(within(daemon, 3, Type::transaction_end, "F\0"s), "OK\0"s);

    CHECK(daemon.body.read == All{failed(ENOENT)});
    CHECK(daemon.said.all == All{failed(ECANCELED)});
}

TEST_CASE("xenstore: a guest that was suspended reads anew", "[xenstore]")
{
    Transacting daemon(Manner::device);
    daemon.refuses(within(daemon, 3, Type::read, "data/host/1\0"s), "EAGAIN");
    daemon.answers(within(daemon, 3, Type::transaction_end, "F\0"s), "OK\0"s);
    begins(daemon, 4);
    daemon.answers(within(daemon, 4, Type::read, "data/host/1\0"s), "x");

    CHECK(daemon.body.read == All{"x"});
}

TEST_CASE("xenstore: transactions wait for each other, and one without a number is none", "[xenstore]")
{
    FakeXenstored daemon;
    Answering body;
    Said said;
    for (int i = 0; i < 3; ++i)
        daemon.store->transaction(std::ref(body), said.status());

    daemon.refuses(daemon.hears(Type::transaction_start, "\0"s), "EQUOTA");
    daemon.answers(daemon.hears(Type::transaction_start, "\0"s), "0\0"s);
    begins(daemon, 9);
    CHECK(body.read.empty());
    CHECK(said.all == All{failed(EDQUOT), failed(EBADMSG)});
}

TEST_CASE("xenstore: a session's death ends its transaction", "[xenstore]")
{
    FakeXenstored daemon;
    FakeBarrier barrier;
    auto view = std::make_unique<StoreView>(*daemon.store, barrier);
    const bool begun = GENERATE(true, false);
    std::shared_ptr<Store::Transaction> kept;
    view->transaction([&](std::shared_ptr<Store::Transaction> one) { kept = std::move(one); },
                      [](Status) { FAIL("told the dead"); });

    if (!begun) {
        view.reset();
        begins(daemon, 5);
    } else {
        begins(daemon, 5);
        kept->write("a", "1");
        daemon.ok(Type::write, "a\0"s + "1");
        kept.reset();
        view.reset();
    }
    daemon.answers(within(daemon, 5, Type::transaction_end, "F\0"s), "OK\0"s);
    CHECK(daemon.silent());
}

TEST_CASE("xenstore: a transaction that is left open is ended, and its number not used again", "[xenstore]")
{
    FakeXenstored daemon;
    Said said;
    std::shared_ptr<Store::Transaction> kept;
    daemon.store->transaction([&](std::shared_ptr<Store::Transaction> one) { kept = std::move(one); }, said.status());
    begins(daemon, 5);

    daemon.timers.advance(XenTransactions::patience);
    daemon.answers(within(daemon, 5, Type::transaction_end, "F\0"s), "OK\0"s);
    kept->write("a", "1");
    kept->commit();

    CHECK(said.all == All{failed(ETIMEDOUT)});
    CHECK(daemon.silent());
}

// ---- a daemon that goes

TEST_CASE("xenstore: a daemon that goes takes what was asked, and is found again with its watches", "[xenstore]")
{
    FakeXenstored daemon(GENERATE(Manner::socket, Manner::device));
    Said said, changed;
    const auto watch = daemon.store->watch("data/host", changed.event());
    daemon.ok(Type::watch, "data/host\0"
                           "1\0"s);
    daemon.fires("data/host", "1");
    daemon.store->read("a", said.value());
    daemon.store->read("b", said.value());
    daemon.hears(Type::read, "a\0"s);

    daemon.goes();
    CHECK(said.all == All{failed(ECONNRESET), failed(ECONNRESET)});
    daemon.store->read("c", said.value());
    CHECK(said.all.size() == 2);
    daemon.turn();
    CHECK(said.all.back() == failed(ENOTCONN));
    CHECK(daemon.opened == 1);

    daemon.timers.advance(XenStore::first_rest);
    CHECK(daemon.opened == 2);
    daemon.ok(Type::watch, "data/host\0"
                           "1\0"s);
    daemon.fires("data/host", "1");
    CHECK(changed.all == All{"data/host", "data/host"});
    CHECK(daemon.troubles.size() == 1);
}

TEST_CASE("xenstore: a daemon that stays away is asked for less and less often, and spoken of once", "[xenstore]")
{
    FakeXenstored daemon;
    daemon.refuse = 1000;
    daemon.goes();

    for (std::chrono::milliseconds rest = XenStore::first_rest; rest < XenStore::longest_rest; rest *= 2) {
        const int before = daemon.refuse;
        daemon.timers.advance(rest - 1ms);
        CHECK(daemon.refuse == before);
        daemon.timers.advance(1ms);
        CHECK(daemon.refuse == before - 1);
    }
    const int before = daemon.refuse;
    for (int i = 0; i < 6; ++i)
        daemon.timers.advance(XenStore::longest_rest);
    CHECK(daemon.refuse == before - 6);
    CHECK(daemon.troubles.size() == 2);  // it has gone; there is none
}

TEST_CASE("xenstore: a daemon that goes whenever we come is asked for less and less often, until it stays", "[xenstore]")
{
    FakeXenstored daemon;
    Said changed;
    const auto watch = daemon.store->watch("a", changed.event());
    const auto stands = [&] {
        daemon.ok(Type::watch, "a\0"
                               "1\0"s);
    };
    stands();
    std::chrono::milliseconds rest = XenStore::first_rest;
    for (int opened = 2; opened < 8; ++opened, rest *= 2) {
        daemon.goes();
        daemon.timers.advance(rest - 1ms);
        CHECK(daemon.opened == opened - 1);
        daemon.timers.advance(1ms);
        CHECK(daemon.opened == opened);
        stands();
    }
    CHECK(daemon.troubles.size() == 1);

    daemon.timers.advance(XenStore::lasting);
    daemon.goes();
    daemon.timers.advance(XenStore::first_rest);
    CHECK(daemon.opened == 8);
    CHECK(daemon.troubles.size() == 2);
}

TEST_CASE("xenstore: a transaction that a daemon took with it is over, on the next one too", "[xenstore]")
{
    FakeXenstored daemon;
    Said said;
    std::shared_ptr<Store::Transaction> kept;
    daemon.store->transaction([&](std::shared_ptr<Store::Transaction> one) { kept = std::move(one); }, said.status());
    begins(daemon, 5);
    const bool busy = GENERATE(true, false);
    if (busy)
        kept->write("a", "1");

    daemon.goes();
    daemon.timers.advance(XenStore::first_rest);
    kept->commit();
    kept.reset();
    daemon.turn();

    CHECK(said.all == All{failed(ECONNRESET)});
    CHECK(daemon.silent());
    daemon.store->transaction([](const auto& one) { one->commit(); }, said.status());
    begins(daemon, 5);
    daemon.answers(within(daemon, 5, Type::transaction_end, "T\0"s), "OK\0"s);
    CHECK(said.all.back() == "done");
}

TEST_CASE("xenstore: an answer that is lost is waited for half a minute", "[xenstore]")
{
    FakeXenstored daemon(GENERATE(Manner::socket, Manner::device));
    Said said;
    daemon.store->read("a", said.value());
    daemon.hears(Type::read, "a\0"s);
    daemon.timers.advance(XenConnection::patience - 1ms);
    daemon.turn();
    CHECK(said.all.empty());
    daemon.timers.advance(1ms);
    daemon.turn();

    CHECK(said.all == All{failed(ETIMEDOUT)});
    daemon.timers.advance(XenStore::first_rest);
    CHECK(daemon.opened == 2);
}

TEST_CASE("xenstore: nobody waits for a clock while nothing is asked", "[xenstore]")
{
    FakeXenstored daemon;
    Said said;
    const auto watch = daemon.store->watch("a", said.event());
    daemon.ok(Type::watch, "a\0"
                           "1\0"s);
    daemon.store->read("a", said.value());
    CHECK(daemon.timers.waiting() == 1);
    daemon.answers(daemon.hears(Type::read, "a\0"s), "A");
    CHECK(daemon.timers.waiting() == 0);
}

TEST_CASE("xenstore: a daemon that breaks the protocol is left", "[xenstore]")
{
    FakeXenstored daemon(GENERATE(Manner::socket, Manner::device));
    Said said;
    daemon.store->read("a", said.value());
    const Request asked = daemon.hears(Type::read, "a\0"s);
    if (GENERATE(true, false))
        daemon.answers({{Type::directory, asked.request, 0}, {}}, "x\0"s);
    else {
        const std::uint32_t words[] = {2, asked.request, 0, 65537};
        REQUIRE(::write(daemon.end.get(), words, sizeof words) == sizeof words);
        daemon.turn();
    }

    REQUIRE(said.all.size() == 1);
    CHECK(said.all[0] != "x");
    daemon.timers.advance(XenStore::first_rest);
    CHECK(daemon.opened == 2);
}

TEST_CASE("xenstore: a store that ends leaves nobody with a pointer to it", "[xenstore]")
{
    FakeXenstored daemon;
    std::shared_ptr<Store::Transaction> kept;
    auto watch = daemon.store->watch("a", [](std::string_view) { FAIL("fired after its store"); });
    daemon.ok(Type::watch, "a\0"
                           "1\0"s);
    daemon.store->transaction([&](std::shared_ptr<Store::Transaction> one) { kept = std::move(one); }, [](Status) {});
    begins(daemon, 5);
    kept->read("x", [](Result<std::string>) { FAIL("answered after its store"); });
    daemon.hears(Type::read, "x\0"s);

    daemon.says({Type::watch_event, 0, 0}, "a\0"
                                           "1\0"s);
    daemon.store.reset();
    daemon.turn();
    kept->commit();
    watch.reset();
}
