// SPDX-License-Identifier: Apache-2.0
// The channel over a socketpair: what the peer sees, and when the session lives and dies.
#include "io/channel.hpp"
#include "io/socket_link.hpp"
#include "os/source.hpp"
#include "support/loop.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace bellhop;
using namespace bellhop::test;

namespace {

struct Seen {
    std::string bytes;
    bool awaits = false;
    int rooms = 0;
    bool input_end = false, destroyed = false;
};

class Recorder final : public ChannelSession {
public:
    Recorder(Seen& seen, std::function<void()> on_bytes) : seen_(seen), on_bytes_(std::move(on_bytes)) {}
    ~Recorder() override { seen_.destroyed = true; }
    void on_bytes(ByteView bytes) override
    {
        seen_.bytes += text_of(bytes);
        if (on_bytes_)
            on_bytes_();
    }
    void on_room() override { ++seen_.rooms; }
    void on_input_end() override { seen_.input_end = true; }
    bool awaits_peer() const override { return seen_.awaits; }

private:
    Seen& seen_;
    std::function<void()> on_bytes_;
};

class CopyingLink final : public io::SocketLink {  // like a serial port: takes no descriptor
public:
    using SocketLink::SocketLink;
    std::size_t splice(int pipe, std::size_t n, More m, std::error_code& ec) override { return ByteLink::splice(pipe, n, m, ec); }
    std::size_t send_file(int f, std::uint64_t at, std::size_t n, More m, std::error_code& ec) override
    {
        return ByteLink::send_file(f, at, n, m, ec);
    }
};

struct Wire : io::Channel::Owner {
    asio::io_context io{ASIO_CONCURRENCY_HINT_UNSAFE};
    io::LoopTimers timers{io};
    std::array<std::byte, 65536> chunk, source_chunk;
    Fd peer;
    std::unique_ptr<io::Channel> channel;
    io::Channel::Ending ending;
    io::SocketLink::Family family = io::SocketLink::Family::local;
    Seen seen;

    void adopt(std::unique_ptr<ByteLink> link, std::unique_ptr<ChannelSession> session)
    {
        channel = std::make_unique<io::Channel>(io, timers, Chunk(chunk), std::move(link), *this);
        channel->start(std::move(session));
    }
    template <class Link = io::SocketLink> void open(std::function<void()> on_bytes = nullptr)
    {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        peer = Fd(ends[0]);
        adopt(std::make_unique<Link>(Fd(ends[1]), family), std::make_unique<Recorder>(seen, std::move(on_bytes)));
    }
    void says(std::string_view text)
    {
        REQUIRE(::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size()));
    }
    std::string hears()  // what has come so far
    {
        std::string all(1 << 20, 0);
        const ssize_t n = ::recv(peer.get(), all.data(), all.size(), 0);
        all.resize(std::max<ssize_t>(n, 0));
        return all;
    }
    template <class Condition> bool until(Condition condition) { return turn_until(io, condition); }

private:
    void on_closed(io::Channel&, const io::Channel::Ending& e) override
    {
        ending = e;
        channel.reset();
    }
};

std::string pattern(std::size_t size)
{
    std::string text(size, 0);
    for (std::size_t i = 0; i < size; ++i)
        text[i] = char(i * 2654435761u >> 13);
    return text;
}

std::shared_ptr<Source> file_of(const std::string& text, Chunk chunk, std::size_t claimed)
{
    Fd file(::memfd_create("test", MFD_CLOEXEC));
    REQUIRE(::write(file.get(), text.data(), text.size()) == ssize_t(text.size()));
    return std::make_shared<os::FileSource>(std::move(file), claimed, chunk);
}

struct OpenPipe final : os::PipeSource {  // a pipe filled by the test
    using PipeSource::PipeSource;
    static std::shared_ptr<OpenPipe> of(const std::string& text, Chunk chunk)
    {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        REQUIRE(::fcntl(ends[0], F_SETPIPE_SZ, 1 << 20) > 0);
        REQUIRE(::write(ends[1], text.data(), text.size()) == ssize_t(text.size()));
        ::close(ends[1]);
        auto pipe = std::make_shared<OpenPipe>(Fd(ends[0]), chunk);
        pipe->look(Ask::amount);
        return pipe;
    }
};

}  // namespace

TEST_CASE("channel: a half-close is told, a hang-up destroys the session", "[channel]")
{
    Wire wire;
    wire.open();
    wire.says("last words");

    ::shutdown(wire.peer.get(), SHUT_WR);
    REQUIRE(wire.until([&] { return wire.seen.input_end; }));
    CHECK(wire.seen.bytes == "last words");
    CHECK_FALSE(wire.seen.destroyed);

    wire.channel->send(bytes_of("still here"));
    CHECK(wire.until([&] { return wire.hears() == "still here"; }));

    wire.peer = Fd();
    CHECK(wire.until([&] { return wire.seen.destroyed && !wire.channel; }));
}

TEST_CASE("channel: what was said before a hang-up is heard, also when the answer cannot leave", "[channel]")
{
    Wire wire;
    wire.open([&] { wire.channel->send(bytes_of("answer")); });
    wire.says(std::string(200000, 'x'));
    {
        const Fd gone = std::move(wire.peer);
    }

    REQUIRE(wire.until([&] { return !wire.channel; }));
    CHECK(wire.seen.bytes.size() == 200000);
    CHECK_FALSE(wire.seen.input_end);
}

TEST_CASE("channel: a hang-up is noticed while input is paused", "[channel]")
{
    Wire wire;
    wire.open([&] { wire.channel->pause_input(true); });
    wire.says("x");
    REQUIRE(wire.until([&] { return !wire.seen.bytes.empty(); }));
    wire.says("unread");

    wire.peer = Fd();

    CHECK(wire.until([&] { return !wire.channel; }));
    CHECK(wire.seen.bytes == "x");
}

TEST_CASE("channel: pausing and going on loses nothing", "[channel]")
{
    Wire wire;
    wire.open();
    for (int i = 0; i < 20; ++i) {
        wire.channel->pause_input(true);
        wire.says("a");
        wire.io.poll(), wire.io.restart();
        wire.channel->pause_input(false);
        REQUIRE(wire.until([&] { return int(wire.seen.bytes.size()) == i + 1; }));
    }
}

TEST_CASE("channel: finish flushes, shuts down, and closes when the peer does", "[channel]")
{
    Wire wire;
    wire.open([&] {
        wire.channel->send(bytes_of("bye"));
        wire.channel->finish(Outbox::Rest::some);
    });
    wire.says("x");

    REQUIRE(wire.until([&] { return wire.seen.destroyed; }));
    CHECK(wire.hears() == "bye");
    CHECK(wire.channel);
    wire.says("too late to matter");

    wire.peer = Fd();
    CHECK(wire.until([&] { return !wire.channel; }));
    CHECK(wire.seen.bytes == "x");
}

TEST_CASE("channel: an exception out of a session ends that link only", "[channel]")
{
    Wire wire;
    wire.open([] { throw std::runtime_error("bug"); });

    wire.says("x");

    CHECK(wire.until([&] { return !wire.channel; }));
    CHECK(wire.ending.bug);
    CHECK(wire.seen.destroyed);
}

TEST_CASE("channel: copies and promises leave in order, whatever the link can take", "[channel]")
{
    ::signal(SIGPIPE, SIG_IGN);
    const bool copying = GENERATE(false, true), file = GENERATE(false, true);
    const std::string text = pattern(600000);
    Wire wire;
    copying ? wire.open<CopyingLink>() : wire.open();
    std::shared_ptr<Source> source =
        file ? file_of(text, Chunk(wire.source_chunk), text.size()) : OpenPipe::of(text, Chunk(wire.source_chunk));

    std::string expected;
    for (std::size_t at = 0, n = 1; at < text.size(); at += n, n = std::min(n * 3, text.size() - at)) {
        wire.channel->send(bytes_of("[" + std::to_string(n) + "]"));
        wire.channel->send_from(source, n);
        expected += "[" + std::to_string(n) + "]" + text.substr(at, n);
    }
    CHECK(source->available() == 0);

    std::string heard;
    CHECK(wire.until([&] {
        heard += wire.hears();
        return heard.size() >= expected.size();
    }));
    CHECK((heard == expected));
}

TEST_CASE("channel: over the high mark it is full, below the low mark there is room", "[channel]")
{
    Wire wire;
    wire.open();

    CHECK(wire.channel->send(bytes_of(std::string(1000, 'x'))) == Outbox::Room::more);
    CHECK(wire.channel->send(bytes_of(std::string(io::Channel::high_mark, 'x'))) == Outbox::Room::full);
    wire.until([&, n = 0]() mutable { return ++n > 5; });
    CHECK(wire.seen.rooms == 0);

    CHECK(wire.until([&] {
        wire.hears();
        return wire.seen.rooms == 1;
    }));
    CHECK(wire.channel->send(bytes_of("x")) == Outbox::Room::more);
}

TEST_CASE("channel: a part leaves at once, and there is room for the next when it has left", "[channel]")
{
    Wire wire;
    wire.open();

    CHECK(wire.channel->send_part(bytes_of(std::string(1000, 'x'))) == Outbox::Room::full);
    CHECK(wire.hears().size() == 1000);
    CHECK(wire.until([&] { return wire.seen.rooms == 1; }));
    CHECK(wire.channel->send_part(bytes_of(std::string(4 << 20, 'x'))) == Outbox::Room::full);
    wire.until([&, n = 0]() mutable { return ++n > 5; });
    CHECK(wire.seen.rooms == 1);

    std::size_t heard = 0;
    CHECK(wire.until([&] {
        heard += wire.hears().size();
        return wire.seen.rooms == 2;
    }));
    CHECK(heard > (3 << 20));
    CHECK(wire.channel->send(bytes_of("x")) == Outbox::Room::more);
}

TEST_CASE("channel: a promise that cannot be kept ends the link", "[channel]")
{
    const bool copying = GENERATE(false, true);
    Wire wire;
    copying ? wire.open<CopyingLink>() : wire.open();

    wire.channel->send_from(file_of("short", Chunk(wire.source_chunk), 10), 10);

    CHECK(wire.until([&] { return !wire.channel; }));
    CHECK(wire.hears() == "short");
}

TEST_CASE("channel: a peer that has said all is closed at once", "[channel]")
{
    Wire wire;
    wire.open([&] {
        wire.channel->send(bytes_of("bye"));
        wire.channel->finish(Outbox::Rest::none);
    });
    wire.says("x");

    CHECK(wire.until([&] { return !wire.channel; }));
    CHECK(wire.hears() == "bye");
    CHECK(::recv(wire.peer.get(), nullptr, 0, 0) == 0);  // an end, no reset
}

TEST_CASE("channel: a link that close() would cut short is shut down first", "[channel]")
{
    Wire wire;
    wire.family = io::SocketLink::Family::other;
    wire.open([&] {
        wire.channel->send(bytes_of("bye"));
        wire.channel->finish(Outbox::Rest::none);
    });
    wire.says("x");

    REQUIRE(wire.until([&] { return wire.seen.destroyed; }));
    CHECK(wire.channel);
    CHECK(wire.hears() == "bye");
}

TEST_CASE("channel: last words to a peer without a session", "[channel]")
{
    Wire wire;
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    wire.peer = Fd(ends[0]);
    wire.says("what I wanted");
    wire.channel = std::make_unique<io::Channel>(wire.io, wire.timers, Chunk(wire.chunk),
                                                 std::make_unique<io::SocketLink>(Fd(ends[1]), io::SocketLink::Family::local),
                                                 static_cast<io::Channel::Owner&>(wire));

    wire.channel->refuse("no");

    CHECK(wire.until([&] { return wire.hears() == "no"; }));
    wire.peer = Fd();
    CHECK(wire.until([&] { return !wire.channel; }));
}

TEST_CASE("channel: a peer that owes bytes has the idle limit, one that does not has none", "[channel]")
{
    Wire wire;
    Limits limits;
    limits.idle = std::chrono::milliseconds(30);
    wire.open();
    wire.says("x");
    REQUIRE(wire.until([&] { return !wire.seen.bytes.empty(); }));
    const auto start = std::chrono::steady_clock::now();
    const auto aged = [&] { return std::chrono::steady_clock::now() - start > std::chrono::milliseconds(60); };
    REQUIRE(wire.until(aged));

    wire.channel->check(limits);
    CHECK_FALSE(wire.until([&, n = 0]() mutable { return !wire.channel || ++n > 3; }) == bool(!wire.channel));
    REQUIRE(wire.channel);

    wire.seen.awaits = true;
    wire.channel->check(limits);
    CHECK(wire.until([&] { return !wire.channel; }));
    CHECK(wire.ending.reason->kind == Error::Kind::timed_out);
}

TEST_CASE("channel: a peer that takes nothing has the stall limit", "[channel]")
{
    Wire wire;
    Limits limits;
    limits.stall = std::chrono::milliseconds(30);
    wire.open();
    wire.channel->send(bytes_of(std::string(4 << 20, 'x')));
    const auto start = std::chrono::steady_clock::now();
    wire.channel->check(limits);
    REQUIRE(wire.until([&] { return std::chrono::steady_clock::now() - start > std::chrono::milliseconds(60); }));
    REQUIRE(wire.channel);

    wire.channel->check(limits);

    CHECK(wire.until([&] { return !wire.channel; }));
}

TEST_CASE("channel: why a session gave its peer up reaches the owner", "[channel]")
{
    Wire wire;
    wire.open([&] { wire.channel->abandon({Error::Kind::bad_request, {}, "nonsense"}); });

    wire.says("x");
    REQUIRE(wire.until([&] { return wire.seen.destroyed; }));
    wire.peer = Fd();

    CHECK(wire.until([&] { return !wire.channel; }));
    CHECK(wire.ending.reason->text == "nonsense");
}

TEST_CASE("channel: nothing to send is no broken promise", "[channel]")
{
    Wire wire;
    wire.open();
    wire.channel->send({});
    wire.channel->send_from(file_of("", Chunk(wire.source_chunk), 0), 0);
    wire.channel->send(bytes_of("x"));

    CHECK(wire.until([&] { return wire.hears() == "x"; }));
    CHECK(wire.channel);
}
