// SPDX-License-Identifier: Apache-2.0
// What is kept of commands, and until when.
#include "dialect/qga/qga.hpp"
#include "support/fakes.hpp"

namespace bellhop::test {
namespace {

struct Commands : World {
    Config config;
    std::unique_ptr<Dialect> dialect = qga::make_dialect("9.9", config, context);
    std::unique_ptr<ChannelSession> session = dialect->open(outbox, context);

    std::string says(const std::string& command, const std::string& arguments)
    {
        outbox.forget();
        session->on_bytes(bytes_of("{\"execute\":\"" + command + "\",\"arguments\":{" + arguments + "}}"));
        return outbox.sent();
    }
    void start(int pid)
    {
        operations.run.pid = pid;
        REQUIRE(says("bellhop-exec", "\"path\":\"x\"") == "{\"return\": {\"pid\": " + std::to_string(pid) + "}}\n");
    }
    void start_and_end(int pid, std::string_view output)
    {
        start(pid);
        operations.run.out = std::make_shared<FakeSource>();
        operations.run.writes(Stream::out, output);
        operations.run.ends(ExitStatus());
    }
    bool has(const std::string& answer, const std::string& part) { return answer.find(part) != std::string::npos; }
    std::string read(int pid, int offset, int count)
    {
        return says("bellhop-exec-read", "\"pid\":" + std::to_string(pid) + ",\"offset\":" + std::to_string(offset) +
                                             ",\"count\":" + std::to_string(count));
    }
};

TEST_CASE("a result that is read in parts is kept until a minute after the last of them")
{
    Commands c;
    c.start_and_end(7, "abcdef");

    CHECK(c.has(c.read(7, 0, 3), "\"eof\": false"));
    c.timers.advance(std::chrono::seconds(50));
    CHECK(c.has(c.read(7, 3, 1), "\"eof\": false"));
    c.timers.advance(std::chrono::seconds(50));
    CHECK(c.has(c.read(7, 4, 3), "\"eof\": true"));
    c.timers.advance(std::chrono::seconds(61));
    CHECK(c.has(c.read(7, 4, 3), "PID 7 does not exist"));
}

TEST_CASE("of many results those go first that were read to their end, then the oldest")
{
    Commands c;
    c.start_and_end(1, "abcdef");
    c.start_and_end(2, "abcdef");
    c.start_and_end(3, "abcdef");
    c.read(2, 0, 6);
    c.read(3, 0, 3);
    for (int pid = 4; pid <= 129; ++pid)
        c.start_and_end(pid, "");

    CHECK(c.has(c.read(2, 0, 1), "PID 2 does not exist"));
    CHECK(c.has(c.read(1, 0, 1), "\"count\": 1"));
    CHECK(c.has(c.read(3, 3, 3), "\"eof\": true"));
    c.start_and_end(130, "");
    c.start_and_end(131, "");
    CHECK(c.has(c.read(3, 3, 3), "PID 3 does not exist"));
    CHECK(c.has(c.read(1, 0, 1), "PID 1 does not exist"));
    CHECK(c.has(c.read(4, 0, 1), "\"eof\": true"));
}

TEST_CASE("a command that has gone is not held for its reader, and nothing that it left is lost")
{
    constexpr std::size_t most = 16 << 20, left = 100'000;
    Commands c;
    c.start(7);
    c.operations.run.writes(Stream::out, std::string(most, 'a'));
    CHECK_FALSE(c.operations.run.held);
    c.operations.run.writes(Stream::out, std::string(left, 'b'));
    CHECK(c.operations.run.held);

    c.operations.run.sink->on_leader_exit();

    CHECK_FALSE(c.operations.run.held);
    c.operations.run.writes(Stream::out, "");
    CHECK(c.operations.run.out->available() == 0);
    CHECK_FALSE(c.operations.run.held);
    c.operations.run.ends(ExitStatus());
    const std::string end = c.read(7, int(most + left - 3), 10);
    CHECK(c.has(end, "\"buf-b64\": \"YmJi\""));
    CHECK(c.has(end, "\"eof\": true"));
    CHECK_FALSE(c.has(end, "truncated"));
}

}  // namespace
}  // namespace bellhop::test
