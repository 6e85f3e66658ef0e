// SPDX-License-Identifier: Apache-2.0
// XenStore against a daemon that the test plays, message by message, at the other end of a socketpair: as a socket, and as the
// kernel's device with its ways. Real daemons are in test/peers.
#include "support/fake_xenstored.hpp"
#include "transports/xenstore/address.hpp"

using namespace bellhop;
using namespace bellhop::test;
using namespace std::chrono_literals;

TEST_CASE("xenstore: each verb is a request, and its answer comes from the loop", "[xenstore]")
{
    FakeXenstored daemon(GENERATE(Manner::socket, Manner::device));
    Said said;

    daemon.store->read("name", said.value());
    daemon.answers(daemon.hears(Type::read, "name\0"s), "vm7");
    daemon.store->list("data", said.list());
    daemon.answers(daemon.hears(Type::directory, "data\0"s), "a\0b\0"s);
    daemon.store->write("data/x", "1", said.status());
    daemon.ok(Type::write, "data/x\0"s + "1");
    daemon.store->make("data/y", said.status());
    daemon.ok(Type::make, "data/y\0"s);
    daemon.store->remove("data/x", said.status());
    daemon.refuses(daemon.hears(Type::remove, "data/x\0"s), "ENOENT");

    CHECK(said.all == All{"vm7", "a b", "done", "done", failed(ENOENT)});
}

TEST_CASE("xenstore: an error carries its errno, and the path", "[xenstore]")
{
    const auto [word, code] = GENERATE(table<std::string, int>(
        {{"ENOENT", ENOENT}, {"ENOSPC", ENOSPC}, {"EQUOTA", EDQUOT}, {"E2BIG", E2BIG}, {"EACCES", EACCES}, {"EODD", EINVAL}}));
    FakeXenstored daemon;
    std::optional<Error> error;

    daemon.store->write("data/guest/1", "x", [&](Status status) { error = status.error(); });
    daemon.refuses(daemon.hears(Type::write, "data/guest/1\0"s + "x"), word);

    REQUIRE(error);
    CHECK(error->os == std::error_code(code, std::system_category()));
    CHECK(error->text.starts_with("data/guest/1 in the store: "));
}

TEST_CASE("xenstore: a watch fires whether its event comes before or after its answer", "[xenstore]")
{
    const bool before = GENERATE(true, false);
    FakeXenstored daemon(GENERATE(Manner::socket, Manner::device));
    Said said;

    const auto watch = daemon.store->watch("data/host", said.event());
    const Request request = daemon.hears(Type::watch, "data/host\0"
                                                      "1\0"s);
    if (before)
        daemon.fires("data/host", "1", request.request);  // a number that says nothing
    daemon.answers(request, "OK\0"s);
    if (!before)
        daemon.fires("data/host", "1", 0xdeadbeef);
    daemon.fires("data/host/5", "1");
    daemon.fires("data/host/6", "77");  // nobody's

    CHECK(said.all == All{"data/host", "data/host/5"});
    CHECK(daemon.silent());
}

TEST_CASE("xenstore: a watch that is dropped is taken back, also from inside its own call", "[xenstore]")
{
    FakeXenstored daemon;
    Said said;
    std::unique_ptr<Store::Watch> inside;

    auto outside = daemon.store->watch("a", said.event());
    daemon.ok(Type::watch, "a\0"
                           "1\0"s);
    outside.reset();
    daemon.ok(Type::unwatch, "a\0"
                             "1\0"s);
    daemon.fires("a", "1");
    inside = daemon.store->watch("a", [&](std::string_view) { inside.reset(), said.all.push_back("inside"); });
    daemon.ok(Type::watch, "a\0"
                           "2\0"s);
    daemon.fires("a", "2");
    daemon.ok(Type::unwatch, "a\0"
                             "2\0"s);

    CHECK(said.all == All{"inside"});
}

TEST_CASE("xenstore: a watch over a quota is told of once, and tried again", "[xenstore]")
{
    FakeXenstored daemon;
    Said said;

    const auto watch = daemon.store->watch("a", said.event());
    daemon.refuses(daemon.hears(Type::watch, "a\0"
                                             "1\0"s),
                   "EQUOTA");
    CHECK(daemon.troubles.size() == 1);
    daemon.timers.advance(10s);
    daemon.refuses(daemon.hears(Type::watch, "a\0"
                                             "1\0"s),
                   "EQUOTA");
    CHECK(daemon.troubles.size() == 1);
    daemon.timers.advance(10s);
    daemon.ok(Type::watch, "a\0"
                           "1\0"s);
    daemon.fires("a", "1");

    CHECK(said.all == All{"a"});
}

TEST_CASE("xenstore: on a socket answers are told apart by their numbers", "[xenstore]")
{
    FakeXenstored daemon;
    Said said;
    daemon.store->read("a", said.value());
    daemon.store->read("b", said.value());
    const Request a = daemon.hears(Type::read, "a\0"s), b = daemon.hears(Type::read, "b\0"s);
    CHECK(a.request != b.request);

    daemon.says({Type::read, 4711, 0}, "nobody's");
    daemon.answers(b, "B");
    daemon.answers(a, "A");

    CHECK(said.all == All{"B", "A"});
}

TEST_CASE("xenstore: on a socket all that is asked while answers are heard leaves at once", "[xenstore]")
{
    FakeXenstored daemon;
    Said said;
    daemon.store->read("a", [&](const Result<std::string>&) {
        for (const char* path : {"b", "c", "d"})
            daemon.store->read(path, said.value());
    });
    const Request a = daemon.hears(Type::read, "a\0"s);
    daemon.writes = 0;

    daemon.answers(a, "A");
    CHECK(daemon.writes == 1);
    for (const std::string path : {"b", "c", "d"})
        daemon.answers(daemon.hears(Type::read, path + "\0"s), path);

    CHECK(said.all == All{"b", "c", "d"});
}

TEST_CASE("xenstore: a socket that takes no more is asked again, and nothing is lost or sent twice", "[xenstore]")
{
    FakeXenstored daemon;
    Said said;
    const std::string value(4000, 'x');
    const int small = 1;
    REQUIRE(::setsockopt(daemon.link_end, SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);

    for (int i = 0; i < 40; ++i)
        daemon.store->write("data/" + std::to_string(i), value, said.status());
    for (int i = 0; i < 40; ++i)
        daemon.ok(Type::write, "data/" + std::to_string(i) + "\0"s + value);

    CHECK(said.all == All(40, "done"));
}

TEST_CASE("xenstore: the device is asked one thing at a time, and may answer with any number", "[xenstore]")
{
    FakeXenstored daemon(Manner::device);
    Said said;
    daemon.store->read("a", said.value());
    daemon.store->read("b", said.value());

    daemon.hears(Type::read, "a\0"s);
    CHECK(daemon.silent());
    daemon.says({Type::read, 0xffffffff, 12}, "A");
    daemon.hears(Type::read, "b\0"s);
    daemon.says({Type::error, 0, 0}, "ENOENT\0"s);
    daemon.turn();

    CHECK(said.all == All{"A", failed(ENOENT)});
}

TEST_CASE("xenstore: the errno of a write to the device is the answer, in its turn", "[xenstore]")
{
    FakeXenstored daemon(Manner::device);
    Said said;

    daemon.fault = EACCES;
    daemon.store->read("a", said.value());
    CHECK(said.all.empty());  // never from inside the call
    daemon.store->read("b", said.value());
    daemon.answers(daemon.hears(Type::read, "b\0"s), "B");
    daemon.fault = EINVAL;
    const auto watch = daemon.store->watch("bad path!", said.event());
    daemon.turn();

    CHECK(said.all == All{failed(EACCES), "B"});
    CHECK(daemon.opened == 1);
    REQUIRE(daemon.troubles.size() == 1);
    CHECK(daemon.troubles[0].starts_with("bad path! in the store: "));
}

TEST_CASE("xenstore: what would kill the ring is not sent, and refused in its turn", "[xenstore]")
{
    const auto [manner, most] = GENERATE(table<Manner, std::size_t>({{Manner::socket, 4096}, {Manner::device, 4080}}));
    FakeXenstored daemon(manner);
    Said said;

    daemon.store->read("a", said.value());
    daemon.store->write("b", std::string(most - 1, 'x'), said.status());
    daemon.turn();
    CHECK(said.all.empty());  // behind the first
    daemon.answers(daemon.hears(Type::read, "a\0"s), "A");
    CHECK(said.all == All{"A", failed(E2BIG)});
    CHECK(daemon.silent());

    daemon.store->write("b", std::string(most - 2, 'x'), said.status());
    daemon.ok(Type::write, "b\0"s + std::string(most - 2, 'x'));
    CHECK(said.all.back() == "done");
}

TEST_CASE("xenstore: what is asked and not answered has a limit", "[xenstore]")
{
    FakeXenstored daemon(GENERATE(Manner::socket, Manner::device));
    Said said;
    for (std::size_t i = 0; i <= XenConnection::most_asked; ++i)
        daemon.store->read("a", said.value());
    const auto watch = daemon.store->watch("w", said.event());  // what gives back must go, and what fires must stand

    for (std::size_t i = 0; i < XenConnection::most_asked; ++i)
        daemon.answers(daemon.hears(Type::read, "a\0"s), "A");

    REQUIRE(said.all.size() == XenConnection::most_asked + 1);
    CHECK(said.all.back() == failed(ENOBUFS));
    daemon.ok(Type::watch, "w\0"
                           "1\0"s);
}

TEST_CASE("xenstore: a socket has no more on the way than a guest's quota lets through", "[xenstore]")
{
    FakeXenstored daemon;
    Said said;
    std::vector<Request> asked;
    for (std::size_t i = 0; i < 40; ++i)
        daemon.store->read(std::to_string(i), said.value());

    for (std::size_t i = 0; i < XenConnection::most_on_the_way; ++i)
        asked.push_back(daemon.hears(Type::read, std::to_string(i) + "\0"s));
    CHECK(daemon.silent());
    daemon.answers(asked[3], "x");
    daemon.hears(Type::read, std::to_string(XenConnection::most_on_the_way) + "\0"s);
    CHECK(daemon.silent());
    CHECK(said.all == All{"x"});
}

TEST_CASE("xenstore: a socket that is full is written to when it has room, in order", "[xenstore]")
{
    FakeXenstored daemon;
    Said said;
    daemon.fault = EAGAIN;
    daemon.store->read("a", said.value());
    daemon.store->read("b", said.value());

    daemon.answers(daemon.hears(Type::read, "a\0"s), "A");
    daemon.answers(daemon.hears(Type::read, "b\0"s), "B");

    CHECK(said.all == All{"A", "B"});
}

TEST_CASE("xenstore: paths of another domain are made absolute, and its events relative", "[xenstore]")
{
    FakeXenstored daemon(Manner::socket, "/local/domain/7/");
    Said said;

    const auto watch = daemon.store->watch("data/host", said.event());
    daemon.ok(Type::watch, "/local/domain/7/data/host\0"
                           "1\0"s);
    daemon.fires("/local/domain/7/data/host/1", "1");
    const auto special = daemon.store->watch("@releaseDomain", said.event());
    daemon.ok(Type::watch, "@releaseDomain\0"
                           "2\0"s);
    daemon.fires("@releaseDomain", "2");
    daemon.store->read("/vm", said.value());
    daemon.answers(daemon.hears(Type::read, "/vm\0"s), "absolute");

    CHECK(said.all == All{"data/host/1", "@releaseDomain", "absolute"});
}

// ---- lists

TEST_CASE("xenstore: a list too long for one answer comes in parts", "[xenstore]")
{
    FakeXenstored daemon;
    Said said;

    daemon.store->list("d", said.list());
    daemon.refuses(daemon.hears(Type::directory, "d\0"s), "E2BIG");
    daemon.answers(daemon.hears(Type::directory_part, "d\0"
                                                      "0\0"s),
                   "8\0"
                   "a\0bb\0"s);
    daemon.answers(daemon.hears(Type::directory_part, "d\0"
                                                      "5\0"s),
                   "9\0"
                   "c\0\0"s);  // it has changed: from the beginning
    daemon.answers(daemon.hears(Type::directory_part, "d\0"
                                                      "0\0"s),
                   "9\0"
                   "a\0"s);
    daemon.answers(daemon.hears(Type::directory_part, "d\0"
                                                      "2\0"s),
                   "9\0"
                   "c\0\0"s);
    CHECK(said.all == All{"a c"});

    daemon.store->list("d", said.list());
    daemon.refuses(daemon.hears(Type::directory, "d\0"s), "E2BIG");
    daemon.refuses(daemon.hears(Type::directory_part, "d\0"
                                                      "0\0"s),
                   "ENOSYS");  // oxenstored
    CHECK(said.all.back() == failed(E2BIG));
}

TEST_CASE("xenstore: an address is a device, a guest's socket, or the daemon's for a domain", "[xenstore]")
{
    const auto [address, path, base] = GENERATE(table<std::string, std::string, std::string>({
        {"", "", ""},
        {"/run/guest7", "/run/guest7", ""},
        {"/run/odd@name", "/run/odd@name", ""},
        {"7@/run/xenstored/socket", "/run/xenstored/socket", "/local/domain/7/"},
        {"0@/s", "/s", "/local/domain/0/"},
    }));
    const auto parsed = parse_xen_address(address);
    REQUIRE(parsed);
    CHECK(parsed->path == path);
    CHECK(parsed->base == base);

    const std::string wrong =
        GENERATE("x", "7@", "@/s", "-1@/s", "7x@/s", "32752@/s", "99999999999@/s", "7@relative", "relative/path");
    CHECK_FALSE(parse_xen_address(wrong));
    CHECK_FALSE(parse_xen_address("/" + std::string(108, 'x')));
}

TEST_CASE("xenstore: a guest without Xen is told so, and a daemon that is not there by its path", "[xenstore]")
{
    const auto none = open_xenstore("/nowhere/socket");
    REQUIRE_FALSE(none);
    CHECK(none.error().text == "cannot reach a xenstored at /nowhere/socket: No such file or directory");
    if (std::filesystem::exists("/proc/xen") || std::filesystem::exists("/dev/xen"))
        return;
    const auto device = open_xenstore("");
    REQUIRE_FALSE(device);
    CHECK(device.error().kind == Error::Kind::unsupported);
    CHECK(device.error().os.value() == ENOENT);
}
