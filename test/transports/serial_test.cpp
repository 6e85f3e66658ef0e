// SPDX-License-Identifier: Apache-2.0
// Serial ports that can be had anywhere: a FIFO's reading end behaves as a virtio port does when hosts come and go, and a
// pseudo-terminal is a line. Real virtio ports are in test/vm.
#include "support/loop.hpp"
#include "transports/serial/port.hpp"
#include "transports/serial/serial.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

using namespace bellhop;
using namespace bellhop::test;
using namespace bellhop::transports;
using namespace std::chrono_literals;

namespace {

bool changed(const ByteLink& link)
{
    pollfd one{link.descriptor(), POLLIN, 0};
    return ::poll(&one, 1, 0) == 1;
}

std::string read_from(ByteLink& link, std::error_code* why = nullptr)
{
    std::array<std::byte, 4096> chunk;
    std::error_code ec;
    const std::size_t n = link.read(chunk, ec);
    if (why)
        *why = ec;
    return std::string(text_of(ByteView(chunk).first(n)));
}

struct Line {  // a pseudo-terminal
    Fd host, guest;
    std::string path;
    Line()
    {
        int ends[2];
        char name[64];
        REQUIRE(::openpty(&ends[0], &ends[1], name, nullptr, nullptr) == 0);
        host = Fd(ends[0]);
        guest = Fd(ends[1]);
        path = name;
    }
    void says(const std::string& text) { REQUIRE(::write(host.get(), text.data(), text.size()) == ssize_t(text.size())); }
    std::string hears()
    {
        pollfd one{host.get(), POLLIN, 0};
        char text[4096];
        const ssize_t n = ::poll(&one, 1, 5000) == 1 ? ::read(host.get(), text, sizeof text) : 0;
        return {text, std::size_t(std::max<ssize_t>(n, 0))};
    }
};

struct Agent : LinkSink {
    asio::io_context io{ASIO_CONCURRENCY_HINT_UNSAFE};
    FakeTimers clock;
    std::unique_ptr<ByteLink> link;
    Peer peer;
    int links = 0;
    std::vector<std::string> troubles;
    void on_link(std::unique_ptr<ByteLink> one, Peer who) override
    {
        link = std::move(one);
        peer = std::move(who);
        ++links;
    }
    void on_trouble(const Error& error) override { troubles.push_back(error.text); }
    void turn()
    {
        io.restart();
        io.poll();
    }
};

const auto away = std::error_code();
const auto there = std::errc::resource_unavailable_try_again;

}  // namespace

TEST_CASE("serial: a port is found by udev's link, and by what the kernel calls it", "[serial]")
{
    TempDir root;
    CHECK(find_port("org.qemu.guest_agent.0", root.path()).empty());

    for (const char* each : {"/dev/virtio-ports", "/sys/class/virtio-ports/vport1p1", "/sys/class/virtio-ports/vport1p2"})
        std::filesystem::create_directories(root.path() + each);
    write_file(root.path() + "/sys/class/virtio-ports/vport1p2/name", "org.qemu.guest_agent.0\n");
    CHECK(find_port("org.qemu.guest_agent.0", root.path()) == root.path() + "/dev/vport1p2");
    CHECK(find_port("org.qemu.guest_agent", root.path()).empty());

    write_file(root.path() + "/dev/virtio-ports/org.qemu.guest_agent.0", "");
    CHECK(find_port("org.qemu.guest_agent.0", root.path()) == root.path() + "/dev/virtio-ports/org.qemu.guest_agent.0");
}

TEST_CASE("serial: who holds a device is told by name", "[serial]")
{
    Line line;

    CHECK(holder_of(line.path).ends_with("(pid " + std::to_string(::getpid()) + ")"));
    CHECK(holder_of("/dev/none").empty());
}

TEST_CASE("serial: hosts that come, speak and go are one change each, and their absence is none", "[serial]")
{
    TempDir dir;
    REQUIRE(::mkfifo((dir / "port").c_str(), 0600) == 0);
    auto made = PortLink::make(Fd(::open((dir / "port").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)), PortLink::Kind::virtio);
    REQUIRE(made);
    PortLink& port = **made;
    std::error_code state;

    CHECK(read_from(port, &state) == "");
    CHECK(state == away);
    CHECK_FALSE(changed(port));

    Fd host(::open((dir / "port").c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::write(host.get(), "hello", 5) == 5);
    CHECK(changed(port));
    CHECK(read_from(port) == "hello");
    read_from(port, &state);
    CHECK(state == there);
    CHECK_FALSE(changed(port));
    CHECK_FALSE(port.hung_up());

    host = Fd();
    CHECK(changed(port));
    CHECK(port.hung_up());
    CHECK_FALSE(changed(port));
    read_from(port, &state);
    CHECK(state == away);
    CHECK_FALSE(changed(port));
}

TEST_CASE("serial: a port that takes nothing is not asked again before it has changed", "[serial]")
{
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    Fd host(ends[0]);
    auto made = PortLink::make(Fd(ends[1]), PortLink::Kind::virtio);
    REQUIRE(made);
    PortLink& port = **made;
    const std::string much(1 << 20, 'x');
    std::error_code ec;

    read_from(port);
    std::size_t sent = 0;
    while (!ec)
        sent += port.write(bytes_of(much), ByteLink::More::no, ec);
    CHECK(ec == there);
    CHECK_FALSE(changed(port));
    ec.clear();
    CHECK(port.write(bytes_of("y"), ByteLink::More::no, ec) == 0);
    CHECK(ec == there);

    std::string all(sent, 0);
    REQUIRE(::recv(host.get(), all.data(), all.size(), MSG_WAITALL) == ssize_t(sent));
    CHECK(changed(port));
    ec.clear();
    CHECK(port.write(bytes_of("y"), ByteLink::More::no, ec) == 1);
}

TEST_CASE("serial: a line is raw, and what came before we did is not ours", "[serial]")
{
    Line line;
    Agent agent;
    line.says("for somebody else\n");
    line.hears();  // the echo
    const auto transport = make_serial(agent.io, agent.clock, line.path);
    REQUIRE(transport->start(agent));
    CHECK(agent.links == 0);  // links come from the loop
    agent.turn();
    REQUIRE(agent.links == 1);
    CHECK(agent.peer.name == "serial " + line.path);
    CHECK(agent.link->outlives_host());

    termios settings;
    REQUIRE(::tcgetattr(line.guest.get(), &settings) == 0);
    CHECK((settings.c_lflag & (ICANON | ECHO | ISIG)) == 0);
    CHECK((settings.c_iflag & (ICRNL | IXON | ISTRIP)) == 0);
    CHECK((settings.c_oflag & OPOST) == 0);
    CHECK((settings.c_cflag & CSIZE) == CS8);
    CHECK((settings.c_cflag & CRTSCTS) == 0);
    CHECK(settings.c_cc[VMIN] == 1);
    CHECK(::cfgetospeed(&settings) == B38400);

    std::error_code state;
    CHECK(read_from(*agent.link, &state) == "");
    CHECK(state == there);
    line.says("\xff{\"a\r\n\x03\x11");
    REQUIRE(turn_until(agent.io, [&] { return changed(*agent.link); }));
    CHECK(read_from(*agent.link) == "\xff{\"a\r\n\x03\x11");
    std::error_code ec;
    agent.link->write(bytes_of("\xff\n\r"), ByteLink::More::no, ec);
    CHECK(line.hears() == "\xff\n\r");
}

TEST_CASE("serial: a line that hung up is opened again when it is back", "[serial]")
{
    TempDir dir;
    auto line = std::make_unique<Line>();
    Agent agent;
    std::filesystem::create_symlink(line->path, dir / "line");
    const auto transport = make_serial(agent.io, agent.clock, dir / "line");
    REQUIRE(transport->start(agent));
    agent.turn();

    line.reset();
    std::error_code state;
    read_from(*agent.link, &state);
    CHECK(state == std::errc::io_error);
    agent.link.reset();
    agent.clock.advance(1s);
    agent.clock.advance(5s);
    CHECK(agent.links == 1);
    CHECK(agent.troubles.size() == 1);  // said once

    Line other;
    std::filesystem::remove(dir / "line");
    std::filesystem::create_symlink(other.path, dir / "line");
    agent.clock.advance(5s);
    CHECK(agent.links == 2);
    CHECK(agent.clock.waiting() == 0);
}

TEST_CASE("serial: a link that its session ended is followed by another, after a rest", "[serial]")
{
    Line line;
    Agent agent;
    const auto transport = make_serial(agent.io, agent.clock, line.path);
    REQUIRE(transport->start(agent));
    agent.turn();

    agent.link.reset();
    agent.turn();
    CHECK(agent.links == 1);
    agent.clock.advance(1s);

    CHECK(agent.links == 2);
}

TEST_CASE("serial: a transport that is gone leaves its link in peace", "[serial]")
{
    Line line;
    Agent agent;
    auto transport = make_serial(agent.io, agent.clock, line.path);
    REQUIRE(transport->start(agent));
    agent.turn();

    transport.reset();
    agent.link.reset();

    CHECK(agent.clock.waiting() == 0);
}

TEST_CASE("serial: what is no serial port is refused by name", "[serial]")
{
    TempDir dir;
    write_file(dir / "file", "");
    struct Row {
        std::string address, part;
    };
    for (const Row& row : {Row{dir / "file", "is not a serial port"}, Row{"/dev/null", "Operation not permitted"},
                           Row{dir / "none", "No such file"}, Row{"no.such.port", "no virtio port of that name"}}) {
        Agent agent;

        const Status status = make_serial(agent.io, agent.clock, row.address)->start(agent);

        REQUIRE_FALSE(status);
        CAPTURE(status.error().text);
        CHECK(status.error().text.starts_with("cannot use serial:" + row.address + ": "));
        CHECK(status.error().text.find(row.part) != std::string::npos);
    }
}

TEST_CASE("serial: a port that need not be there yet is waited for", "[serial]")
{
    TempDir dir;
    Line line;
    Agent agent;
    const auto transport = make_serial(agent.io, agent.clock, dir / "line,wait");

    REQUIRE(transport->start(agent));
    CHECK(agent.troubles == std::vector<std::string>{"cannot use serial:" + (dir / "line") + ": No such file or directory"});
    agent.clock.advance(5s);
    CHECK(agent.troubles.size() == 1);
    std::filesystem::create_symlink(line.path, dir / "line");
    agent.clock.advance(5s);

    CHECK(agent.links == 1);
    CHECK(agent.clock.waiting() == 0);
}
