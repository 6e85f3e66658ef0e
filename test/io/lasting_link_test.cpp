// SPDX-License-Identifier: Apache-2.0
// The channel over a link that stays while hosts come and go, turned by hand.
#include "agent/greeter.hpp"
#include "io/channel.hpp"
#include "support/lasting.hpp"
#include "support/loop.hpp"

#include <sys/eventfd.h>

using namespace bellhop;
using namespace bellhop::test;
using namespace std::chrono_literals;

namespace {

struct Port {
    bool there = false, unplugged = false, leaves_when_answered = false;
    std::size_t room = std::size_t(-1), reads = 0;
    std::string to_guest, from_guest;
    Fd change{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    void changed() { REQUIRE(::eventfd_write(change.get(), 1) == 0); }
};

// Like a virtio port: what it has may be read before its host is there. One eventfd stands for "something has changed", and is
// said once.
class PortLink final : public ByteLink {
public:
    explicit PortLink(Port& port) : port_(port) {}
    int descriptor() const override { return port_.change.get(); }
    bool outlives_host() const override { return true; }
    std::size_t read(Chunk chunk, std::error_code& ec) override
    {
        take_change();
        ++port_.reads;
        if (port_.unplugged)
            ec = make_error_code(std::errc::no_such_device);
        else if (port_.to_guest.empty() && port_.there)
            ec = make_error_code(std::errc::operation_would_block);
        const std::size_t n =
            port_.to_guest.copy(reinterpret_cast<char*>(chunk.data()), std::min<std::size_t>(chunk.size(), 4096));
        port_.to_guest.erase(0, n);
        return n;
    }
    std::size_t write(ByteView bytes, More, std::error_code& ec) override
    {
        const std::size_t n = port_.there ? std::min(bytes.size(), port_.room) : 0;
        if (n == 0)
            ec = make_error_code(std::errc::operation_would_block);
        port_.room -= n;
        port_.from_guest += text_of(bytes.first(n));
        port_.there = port_.there && !port_.leaves_when_answered;
        return n;
    }
    void end_output() override {}
    bool hung_up() const override
    {
        take_change();
        return !port_.there;
    }

private:
    void take_change() const
    {
        eventfd_t count;
        ::eventfd_read(port_.change.get(), &count);
    }
    Port& port_;
};

struct Lines final : Dialect {  // answers "<line>" to each, "!" means pause, "." that it was all, and remembers
    std::vector<std::string> seen;
    Outbox* outbox = nullptr;
    struct Session final : ChannelSession {
        explicit Session(Lines& l) : lines(l) { lines.seen.push_back("opened"); }
        ~Session() override { lines.seen.push_back("ended"); }
        void on_bytes(ByteView bytes) override
        {
            for (const char c : text_of(bytes))
                if (c == '!')
                    lines.outbox->pause_input(true);
                else if (c == '.')
                    lines.outbox->finish(Outbox::Rest::none);
                else if (c != '\n')
                    line += c;
                else
                    lines.outbox->send(bytes_of("<" + std::exchange(line, {}) + ">"));
        }
        bool awaits_peer() const override { return true; }
        Lines& lines;
        std::string line;
    };
    std::unique_ptr<ChannelSession> open(Outbox& o, const Context&) override
    {
        outbox = &o;
        return std::make_unique<Session>(*this);
    }
};

struct Guest : World, io::Channel::Owner {
    asio::io_context io{ASIO_CONCURRENCY_HINT_UNSAFE};
    FakeTimers clock;
    std::array<std::byte, 65536> chunk;
    Port port;
    Lines lines;
    int quiet = 0;
    std::unique_ptr<io::Channel> channel;

    void open()
    {
        channel = std::make_unique<io::Channel>(io, clock, Chunk(chunk), std::make_unique<PortLink>(port),
                                                static_cast<io::Channel::Owner&>(*this));
        channel->start(std::make_unique<Greeter>(lines, *channel, context));
        settle();
    }
    void settle()  // all that there is to do, is done
    {
        io.restart();
        for (int turns = 0; io.poll() > 0; ++turns)
            REQUIRE(turns < 1000);  // else it spins
    }
    void attach()
    {
        port.there = true;
        port.changed();
        settle();
    }
    void detach()
    {
        port.there = false;
        port.changed();
        settle();
    }
    void later(std::chrono::milliseconds time)
    {
        clock.advance(time);
        settle();
    }
    void leaves_later()  // long enough after its last words that these cannot have been the next host's
    {
        clock.advance(1s);
        detach();
    }
    void says(const std::string& text)
    {
        port.to_guest += text;
        port.changed();
        settle();
    }
    std::string hears() { return std::exchange(port.from_guest, {}); }

private:
    void on_closed(io::Channel&, const io::Channel::Ending&) override { channel.reset(); }
    void on_quiet(io::Channel&) override { ++quiet; }
};

}  // namespace

TEST_CASE("port: each host has a session of its own, and hears nothing that was for another", "[channel][port]")
{
    Guest guest;
    guest.open();
    CHECK(guest.lines.seen.empty());

    guest.attach();
    guest.port.room = 2;  // the host stops reading in the middle of an answer
    guest.says("one\nhalf");
    CHECK(guest.hears() == "<o");
    guest.leaves_later();
    CHECK(guest.lines.seen == std::vector<std::string>{"opened", "ended"});
    guest.port.room = 1000;
    guest.attach();
    guest.says("two\n");

    CHECK(guest.hears() == "<two>");
    CHECK(guest.lines.seen == std::vector<std::string>{"opened", "ended", "opened"});
    CHECK(guest.quiet == 1);
}

TEST_CASE("port: bytes that overtake the word of their host's coming are answered to it", "[channel][port]")
{
    Guest guest;
    guest.open();

    guest.says("early\n");
    CHECK(guest.hears() == "");
    guest.attach();
    CHECK(guest.hears() == "<early>");
    guest.later(1h);
    guest.says("later\n");

    CHECK(guest.hears() == "<later>");
    CHECK(guest.lines.seen == std::vector<std::string>{"opened"});
}

TEST_CASE("port: bytes that overtake the word of the last host's going, too, are answered to the next", "[channel][port]")
{
    Guest guest;
    guest.open();
    guest.attach();
    guest.says("one\n");
    CHECK(guest.hears() == "<one>");

    guest.port.room = 0;  // as the kernel has it that there is nobody, but has not told us
    guest.says("two\nha");
    guest.detach();
    guest.port.room = 1000;
    guest.attach();
    guest.says("lf\n");
    guest.later(2s);

    CHECK(guest.hears() == "<two><half>");
}

TEST_CASE("port: a host that has always more to say is there all the same", "[channel][port]")
{
    Guest guest;
    guest.open();
    guest.port.there = true;
    guest.says("ha!");  // it is not read any further, so nothing has told yet that it is there

    guest.later(1s);
    guest.lines.outbox->pause_input(false);
    guest.says("lf\n");

    CHECK(guest.hears() == "<half>");
}

TEST_CASE("port: when a conversation is over the next one begins, also before its host is announced", "[channel][port]")
{
    Guest guest;
    guest.open();
    guest.attach();

    guest.says("one\n.");
    guest.says("two\n.");
    guest.detach();
    guest.attach();
    guest.says("three\n");

    CHECK(guest.hears() == "<one><two><three>");
    CHECK(guest.lines.seen == std::vector<std::string>{"opened", "ended", "opened", "ended", "opened"});
}

TEST_CASE("port: an agent that is to end waits for no further conversation", "[channel][port]")
{
    Guest guest;
    guest.open();
    guest.attach();
    guest.says("one\n");

    guest.channel->end_if_idle();
    guest.says(".");
    guest.later(io::Channel::linger);

    CHECK_FALSE(guest.channel);
}

TEST_CASE("port: an answer that its host did not wait for is not kept for a later one", "[channel][port]")
{
    Guest guest;
    guest.open();
    guest.attach();
    guest.port.room = 0;
    guest.says("one\nha");
    guest.detach();

    guest.later(250ms);
    guest.port.room = 1000;
    guest.attach();
    guest.says("lf\n");

    CHECK(guest.hears() == "<lf>");
    CHECK(guest.quiet == 1);
}

TEST_CASE("port: what a host asked that was gone before we looked is answered to nobody", "[channel][port]")
{
    Guest guest;
    guest.open();

    guest.says("come and gone\nand ha");
    guest.later(2s);
    guest.attach();
    guest.says("other\n");

    CHECK(guest.hears() == "<other>");
}

TEST_CASE("port: a host that came, heard and went within one turn leaves nothing behind", "[channel][port]")
{
    Guest guest;
    guest.port.there = guest.port.leaves_when_answered = true;
    guest.port.to_guest = std::string(4095, 'x') + "\nand ha";  // a first read gives 4096
    guest.open();
    CHECK(guest.hears().size() == 4097);
    guest.port.leaves_when_answered = false;

    guest.later(250ms);
    guest.attach();
    guest.says("other\n");

    CHECK(guest.hears() == "<other>");
}

TEST_CASE("port: a session that is not read is told all the same when its host goes", "[channel][port]")
{
    Guest guest;
    guest.open();
    guest.attach();

    guest.says("!");
    guest.says("unread\n");
    CHECK(guest.port.to_guest == "unread\n");
    guest.leaves_later();
    CHECK(guest.lines.seen == std::vector<std::string>{"opened", "ended", "opened"});  // it was asked for something still
    guest.later(2s);
    guest.attach();
    guest.says("next\n");

    CHECK(guest.hears() == "<next>");
}

TEST_CASE("port: what waits unread is read when its session goes on, though no change tells of it again", "[channel][port]")
{
    Guest guest;
    guest.open();
    guest.attach();
    guest.says("!");
    guest.says("unread\n");

    guest.lines.outbox->pause_input(false);
    guest.settle();

    CHECK(guest.hears() == "<unread>");
}

TEST_CASE("port: one change may announce more than one turn of the loop reads", "[channel][port]")
{
    Guest guest;
    guest.open();
    guest.attach();

    guest.says(std::string(300'000, 'x') + "\n");

    CHECK(guest.hears().size() == 300'002);
}

TEST_CASE("port: while nothing changes nothing is done", "[channel][port]")
{
    Guest guest;
    guest.open();
    guest.attach();
    guest.port.room = 0;
    guest.says("blocked\n");
    guest.detach();
    guest.says("and for nobody\n");
    guest.later(2s);
    const std::size_t reads = guest.port.reads;

    guest.later(1h);

    CHECK(guest.port.reads == reads);
    CHECK(guest.clock.waiting() == 0);
}

TEST_CASE("port: neither silence nor a host that takes nothing ends the link", "[channel][port]")
{
    Guest guest;
    guest.open();
    guest.attach();
    guest.port.room = 3;
    guest.says("answer\n");

    guest.clock.advance(24h);
    guest.channel->check(Limits{});
    guest.settle();
    REQUIRE(guest.channel);
    guest.port.room = 1000;
    guest.port.changed();
    guest.settle();

    CHECK(guest.hears() == "<answer>");
}

TEST_CASE("port: nobody has to ask it for a port", "[channel][port]")
{
    Guest guest;
    guest.open();
    guest.attach();

    guest.says("CONNECTED\n");

    CHECK(guest.hears() == "<CONNECTED>");
}

TEST_CASE("port: an unplugged one ends its link", "[channel][port]")
{
    Guest guest;
    guest.open();
    guest.attach();

    guest.port.unplugged = true;
    guest.port.changed();
    guest.settle();

    CHECK_FALSE(guest.channel);
    CHECK(guest.lines.seen == std::vector<std::string>{"opened", "ended"});
}

TEST_CASE("port: a dialect is told of hosts that come and go", "[channel][port]")
{
    Loop loop;
    Lasting dialect(loop.context);
    Guest guest;
    guest.channel =
        std::make_unique<io::Channel>(guest.io, guest.clock, Chunk(guest.chunk), std::make_unique<PortLink>(guest.port),
                                      static_cast<io::Channel::Owner&>(guest));
    guest.channel->start(dialect.open(*guest.channel, loop.context));

    guest.attach();
    guest.says("status 1\nsta");
    guest.leaves_later();
    guest.attach();
    guest.says("status 2\n");

    CHECK(guest.hears() == "hello\nnone\nhello\nnone\n");
}
