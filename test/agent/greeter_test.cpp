// SPDX-License-Identifier: Apache-2.0
// The door: what a hybrid-vsock host asks first, and that everything else reaches the session untouched.
#include "agent/greeter.hpp"
#include "support/catch.hpp"
#include "support/fakes.hpp"
#include "support/fragments.hpp"

using namespace bellhop;
using namespace bellhop::test;

namespace {

struct Seen {
    std::string bytes;
    int opened = 0, rooms = 0;
    bool input_end = false, awaits = false;
};

class Recorder final : public ChannelSession {
public:
    explicit Recorder(Seen& seen) : seen_(seen) { ++seen_.opened; }
    void on_bytes(ByteView bytes) override { seen_.bytes += text_of(bytes); }
    void on_room() override { ++seen_.rooms; }
    void on_input_end() override { seen_.input_end = true; }
    bool awaits_peer() const override { return seen_.awaits; }

private:
    Seen& seen_;
};

struct Door : World, Dialect {
    Seen seen;
    Greeter greeter{*this, outbox, context};
    std::unique_ptr<ChannelSession> open(Outbox&, const Context&) override { return std::make_unique<Recorder>(seen); }
    void hears(const std::vector<std::string>& fragments)
    {
        for (const std::string& fragment : fragments)
            if (!outbox.finished)
                greeter.on_bytes(bytes_of(fragment));
    }
};

}  // namespace

TEST_CASE("greeter: CONNECT PORT is answered and eaten, however it is cut", "[greeter]")
{
    const std::string port = GENERATE(values<std::string>({"1024", "0", "4294967295"}));
    const std::string line_end = GENERATE(values<std::string>({"\n", "\r\n"}));

    for (const auto& fragments : fragmentations("CONNECT " + port + line_end + "CONNECT is now the session's")) {
        Door door;
        door.hears(fragments);

        CHECK(door.outbox.sent() == "OK " + port + "\n");
        CHECK(door.seen.bytes == "CONNECT is now the session's");
        CHECK(door.seen.opened == 1);
    }
}

TEST_CASE("greeter: what does not begin with a C goes to the session as it is", "[greeter]")
{
    for (const auto& fragments : fragmentations(std::string("\x01\0\0\0\x02{}CONNECT 1\n", 17))) {
        Door door;
        door.hears(fragments);

        CHECK(door.outbox.sent().empty());
        CHECK(door.seen.bytes == std::string("\x01\0\0\0\x02{}CONNECT 1\n", 17));
    }
}

TEST_CASE("greeter: a greeting that is none ends the link in silence", "[greeter]")
{
    const std::string wire = GENERATE(values<std::string>({
        "CONNEXION 5\n",
        "CONNECT \n",
        "CONNECT x\n",
        "CONNECT -1\n",
        "CONNECT 1 2\n",
        "CONNECT 12345678901\n",
        "C\n",
        "CONNECT " + std::string(100, '1'),
        "CONNECT" + std::string(80, ' ') + "\n",
    }));

    for (const auto& fragments : fragmentations(wire)) {
        Door door;
        door.hears(fragments);

        CHECK(door.outbox.sent().empty());
        CHECK(door.outbox.finished);
        CHECK(door.outbox.reason);
        CHECK(door.seen.opened == 0);
    }
}

TEST_CASE("greeter: it waits for the peer until a session does", "[greeter]")
{
    Door door;
    CHECK(door.greeter.awaits_peer());
    door.greeter.on_room();  // nobody there yet

    door.hears({"\x01"});
    CHECK_FALSE(door.greeter.awaits_peer());
    door.seen.awaits = true;
    CHECK(door.greeter.awaits_peer());

    door.greeter.on_room();
    door.greeter.on_input_end();
    CHECK(door.seen.rooms == 1);
    CHECK(door.seen.input_end);
}

TEST_CASE("greeter: half-closed before a word, the link ends", "[greeter]")
{
    Door door;
    door.hears({"CONN"});

    door.greeter.on_input_end();

    CHECK(door.outbox.finished);
}
