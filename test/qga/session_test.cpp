// SPDX-License-Identifier: Apache-2.0
#include "dialect/qga/qga.hpp"
#include "dialect/qga/text.hpp"
#include "support/fakes.hpp"

namespace bellhop::test {
namespace {

struct Qemu : World {
    Config config;
    std::unique_ptr<Dialect> dialect = qga::make_dialect("9.9", config, context);
    std::unique_ptr<ChannelSession> session = open(outbox);

    std::unique_ptr<ChannelSession> open(FakeOutbox& to) { return dialect->open(to, context); }
    std::string says(std::string_view text)
    {
        outbox.forget();
        session->on_bytes(bytes_of(text));
        return outbox.sent();
    }
};

std::string error(std::string_view desc, std::string_view error_class = "GenericError")
{
    std::string line;
    qga::write(line, json::Members{{"error", json::Members{{"class", error_class}, {"desc", desc}}}});
    return line + "\n";
}

struct Row {
    std::string request, answer;
};

const std::vector<Row> table = {
    {R"({"execute":"guest-sync","arguments":{"id":123456}})", "{\"return\": 123456}\n"},
    {R"({"execute":"guest-sync-delimited","arguments":{"id":123456}})", "\xFF{\"return\": 123456}\n"},
    {"\xFF{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":7}}\n", "\xFF{\"return\": 7}\n"},
    {"{\"execute\":\"guest-pi\xFF{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":8}}\n", "\xFF{\"return\": 8}\n"},
    {"{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":1}}\n{\"execute\":\"guest-ping\",\"arguments\":{}}\n",
     "\xFF{\"return\": 1}\n{\"return\": {}}\n"},
    {R"({"execute":"guest-ping"}{"execute":"guest-ping"})", "{\"return\": {}}\n{\"return\": {}}\n"},
    {"hello world\n", error("JSON parse error, invalid keyword 'hello'") + error("JSON parse error, invalid keyword 'world'")},
    {"[1,2]\n", error("QMP input must be a JSON object")},
    {"42\n", error("QMP input must be a JSON object")},
    {"\"abc\"\n", error("QMP input must be a JSON object")},
    {"null\n", error("QMP input must be a JSON object")},
    {"{'execute':'guest-ping'}", "{\"return\": {}}\n"},
    {"{}", error("QMP input lacks member 'execute'")},
    {R"({"id":"x1"})",
     "{\"error\": {\"class\": \"GenericError\", \"desc\": \"QMP input lacks member 'execute'\"}, \"id\": \"x1\"}\n"},
    {R"({"execute":5})", error("QMP input member 'execute' must be a string")},
    {R"({"execute":"guest-ping","arguments":[]})", error("QMP input member 'arguments' must be an object")},
    {R"({"execute":"guest-ping","arguments":null})", error("QMP input member 'arguments' must be an object")},
    {R"({"execute":"guest-ping","foo":1})", error("QMP input member 'foo' is unexpected")},
    {R"({"exec-oob":"guest-ping"})", error("QMP input member 'exec-oob' is unexpected")},
    {R"({"execute":"guest-nope"})", error("The command guest-nope has not been found", "CommandNotFound")},
    {R"({"execute":"guest-\"q\""})", error("The command guest-\"q\" has not been found", "CommandNotFound")},
    {R"({"execute":"guest-ping","id":1})", "{\"return\": {}, \"id\": 1}\n"},
    {R"({"execute":"guest-ping","id":null})", "{\"return\": {}, \"id\": null}\n"},
    {R"({"execute":"guest-ping","id":{"a":[1,null,"\u00e9"]}})", "{\"return\": {}, \"id\": {\"a\": [1, null, \"\\u00E9\"]}}\n"},
    {R"({"execute":"guest-ping","arguments":{"foo":42}})", error("Parameter 'foo' is unexpected")},
    {R"({"execute":"guest-sync"})", error("Parameter 'id' is missing")},
    {R"({"execute":"guest-sync-delimited","arguments":{}})", error("Parameter 'id' is missing")},
    {R"({"execute":"guest-sync","arguments":{"id":"5"}})", error("Invalid parameter type for 'id', expected: integer")},
    {R"({"execute":"guest-sync","arguments":{"id":5.0}})", error("Invalid parameter type for 'id', expected: integer")},
    {R"({"execute":"guest-sync","arguments":{"id":-5}})", "{\"return\": -5}\n"},
    {R"({"execute":"guest-sync","arguments":{"id":9223372036854775807}})", "{\"return\": 9223372036854775807}\n"},
    {R"({"execute":"guest-sync","arguments":{"id":9223372036854775808}})",
     error("Invalid parameter type for 'id', expected: integer")},
    {R"({"execute":"guest-sync","arguments":{"id":5,"x":1}})", error("Parameter 'x' is unexpected")},
};

TEST_CASE("qga answers each request with one line, however its bytes come")
{
    for (const Row& row : table) {
        INFO(row.request);
        Qemu whole;
        CHECK(whole.says(row.request) == row.answer);
        Qemu slow;
        for (const char c : row.request)
            slow.session->on_bytes(bytes_of({&c, 1}));
        CHECK(slow.outbox.sent() == row.answer);
        for (std::size_t at = 0; at <= row.request.size(); ++at) {
            Qemu split;
            split.session->on_bytes(bytes_of(row.request).first(at));
            split.session->on_bytes(bytes_of(row.request).subspan(at));
            CHECK(split.outbox.sent() == row.answer);
        }
    }
}

TEST_CASE("what a host left half-said does not reach the next one")
{
    Qemu q;
    q.session->on_attach();
    CHECK(q.says("{\"execute\":\"guest-") == "");
    CHECK_FALSE(q.session->awaits_peer());  // a port that stays has no idle limit
    q.session->on_detach();
    CHECK(q.session->idle());
    CHECK(q.says("{\"execute\":\"guest-ping\"}") == "{\"return\": {}}\n");
}

TEST_CASE("a half request counts as owed, a whole one does not")
{
    Qemu q;
    CHECK_FALSE(q.session->awaits_peer());
    q.says("{\"execute\":");
    CHECK(q.session->awaits_peer());
    CHECK_FALSE(q.session->idle());
    q.says("\"guest-ping\"}");
    CHECK_FALSE(q.session->awaits_peer());
    CHECK(q.session->idle());
}

TEST_CASE("blocked, unlisted and denied commands are CommandNotFound, and guest-info tells")
{
    Qemu q;
    q.config.qga.block_rpcs = {"guest-ping"};
    CHECK(q.says("{\"execute\":\"guest-ping\"}") ==
          error("Command guest-ping has been disabled: the command is not allowed", "CommandNotFound"));
    CHECK(q.says("{\"execute\":\"guest-info\"}")
              .find("{\"enabled\": false, \"name\": \"guest-ping\", \"success-response\": true}") != std::string::npos);
    q.config.qga.block_rpcs.clear();
    q.config.qga.allow_rpcs = {"guest-info"};
    CHECK(q.says("{\"execute\":\"guest-ping\"}") ==
          error("Command guest-ping has been disabled: the command is not allowed", "CommandNotFound"));
    CHECK(q.says("{\"execute\":\"guest-info\"}").find("\"version\": \"9.9\"") != std::string::npos);
}

TEST_CASE("a request that nobody has room for costs one error, and is skipped")
{
    Qemu q;
    std::string answer = q.says("{\"execute\":\"" + std::string(2 << 20, 'x'));
    CHECK(answer == error("unfinished requests over the limit of buffered bytes"));
    CHECK(q.memory.used() == 0);
    CHECK(q.says("\"}\n{\"execute\":\"guest-ping\"}") == "{\"return\": {}}\n");
}

TEST_CASE("a number or a keyword without an end is kept on the budget, too")
{
    for (const char c : {'1', 'a'}) {
        Qemu q;
        CHECK(q.says(std::string(2 << 20, c)) == error("unfinished requests over the limit of buffered bytes"));
        CHECK(q.memory.used() == 0);
        CHECK(q.says(std::string(100, c) + "\n{\"execute\":\"guest-ping\"}") == "{\"return\": {}}\n");
    }
}

TEST_CASE("no request is looked at while the host takes no answers")
{
    const std::string pong = "{\"return\": {}}\n";
    Qemu q;
    q.outbox.high_mark = 1;
    q.session->on_bytes(bytes_of("{\"execute\":\"guest-ping\"}{\"execute\":\"guest-ping\"}"));
    CHECK(q.outbox.sent() == pong);
    CHECK(q.outbox.paused);
    CHECK_FALSE(q.session->idle());
    q.outbox.empty_it();
    q.session->on_room();
    CHECK(q.outbox.sent() == pong + pong);
    q.outbox.empty_it();
    q.session->on_room();
    CHECK_FALSE(q.outbox.paused);
    CHECK(q.session->idle());
}

TEST_CASE("a host that took no answers does not stop the next one on its port")
{
    Qemu q;
    q.session->on_attach();
    q.outbox.high_mark = 1;
    q.session->on_bytes(bytes_of("{\"execute\":\"guest-ping\"}"));
    q.session->on_detach();
    CHECK(q.says("{\"execute\":\"guest-ping\"}") == "{\"return\": {}}\n");
}

TEST_CASE("hosts that ask and hang up cannot have any number of requests answered, but thaws beside them")
{
    Qemu q;
    q.operations.never_answers = true;
    const auto ask_and_hang_up = [&q](std::string_view request) {
        FakeOutbox outbox;
        q.open(outbox)->on_bytes(bytes_of(request));
        return outbox.sent();
    };
    const std::string trim = "{\"execute\":\"guest-fstrim\"}", thaw = "{\"execute\":\"guest-fsfreeze-thaw\"}";
    for (const std::string& request : {trim, thaw}) {
        for (int i = 0; i < 128; ++i)
            REQUIRE(ask_and_hang_up(request) == "");
        CHECK(ask_and_hang_up(trim) == error("too many requests are being answered"));
    }
    CHECK(ask_and_hang_up(thaw) == error("too many requests are being answered"));
    CHECK(q.operations.asked.size() == 256);
}

TEST_CASE("answers are printable ASCII in one line")
{
    std::string line;
    qga::write(line, json::Array{"\u00e9\U0001F600\x7F\x01\n\"\\/<", 0.1, 100.0, -1, std::uint64_t(-1), true, nullptr == nullptr,
                                 json::Value(), "\xFF"});
    CHECK(line == "[\"\\u00E9\\uD83D\\uDE00\\u007F\\u0001\\n\\\"\\\\/<\", 0.10000000000000001, 100, -1, "
                  "18446744073709551615, true, true, null, \"\\uFFFD\"]");
}

}  // namespace
}  // namespace bellhop::test
