// SPDX-License-Identifier: Apache-2.0
// The frames dialect as tables: bytes in, frames out.
#include "support/fragments.hpp"
#include "support/frames.hpp"

using namespace bellhop;
using namespace bellhop::test;

namespace {

ExitStatus exited(int code)
{
    ExitStatus status;
    status.code = code;
    return status;
}

}  // namespace

TEST_CASE("frames: each request has its answer, however it is cut", "[frames]")
{
    struct Row {
        std::string request, answer;
    };
    const Row row = GENERATE(values<Row>({
        {R"({"op":"ping"})", R"({"ok":true,"op":"pong","agent_version":"9.9","proto":1})"},
        {R"({"v":1,"op":"ping"})", R"({"ok":true,"op":"pong","agent_version":"9.9","proto":1})"},
        {R"({"v":1.0,"op":"ping","more":[{}]})", R"({"ok":true,"op":"pong","agent_version":"9.9","proto":1})"},
        {R"({"v":2,"op":"ping"})", R"({"ok":false,"error":"unsupported protocol version 2"})"},
        {R"({"v":null,"op":"ping"})", R"({"ok":false,"error":"unsupported protocol version null"})"},
        {R"({"v":"1","op":"ping"})", R"({"ok":false,"error":"unsupported protocol version \"1\""})"},
        {R"({"op":"zzz"})", R"({"ok":false,"error":"unknown op 'zzz'"})"},
        {R"({})", R"({"ok":false,"error":"unknown op 'null'"})"},
        {R"({"op":"run"})", R"({"ok":false,"op":"error","error":"missing 'cmd'"})"},
        {R"({"op":"run","cmd":""})", R"({"ok":false,"op":"error","error":"missing 'cmd'"})"},
        {R"({"op":"run","cmd":7})", R"({"ok":false,"op":"error","error":"missing 'cmd'"})"},
        {R"({"op":"run","cmd":"x","timeout":-1})", R"({"ok":false,"op":"error","error":"bad 'timeout'"})"},
        {R"({"op":"run","cmd":"x","timeout":"3"})", R"({"ok":false,"op":"error","error":"bad 'timeout'"})"},
        {R"({"op":"run","cmd":"x","timeout":true})", R"({"ok":false,"op":"error","error":"bad 'timeout'"})"},
        {R"({"op":"run","cmd":"a\u0000b"})", R"({"ok":false,"op":"error","error":"spawn failed: embedded null byte"})"},
        {R"({"op":"run","cmd":"x","env":[]})", R"({"ok":false,"op":"error","error":"bad 'env'"})"},
        {R"({"op":"run","cmd":"x","env":{"A=B":"c"}})", R"({"ok":false,"op":"error","error":"bad 'env': 'A=B'"})"},
        {R"({"op":"get_file","path":"/nope"})", R"({"ok":false,"error":"[Errno 2] No such file or directory: '/nope'"})"},
        {R"({"op":"get_file"})", R"({"ok":false,"error":"missing 'path'"})"},
        {R"({"op":"get_file","path":"/a\u0000b"})", R"({"ok":false,"error":"embedded null byte"})"},
    }));

    for (const auto& fragments : fragmentations(frame(Tag::json, row.request))) {
        Conversation host;
        for (const std::string& fragment : fragments)
            host.says(fragment);

        CHECK(host.hears_once() == row.answer);
        CHECK(host.outbox.finished);
    }
}

TEST_CASE("frames: what is no request ends the connection without an answer", "[frames]")
{
    const std::string wire = GENERATE(values<std::string>({
        frame(Tag::json, "{"),
        frame(Tag::json, "[]"),
        frame(Tag::json, ""),
        frame(Tag::json, "\xff"),
        frame(Tag::data, "x"),
        frame(Tag::eof, ""),
        frame(Tag(71), "ET /"),
        std::string("\x01\x01\x00\x00\x01", 5),
        std::string("\x04\xff\xff\xff\xff", 5),
    }));

    for (const auto& fragments : fragmentations(wire)) {
        Conversation host;
        for (const std::string& fragment : fragments)
            host.says(fragment);

        CHECK(host.outbox.sent().empty());
        CHECK(host.outbox.finished);
        CHECK(host.outbox.reason);
    }
}

TEST_CASE("frames: a request that stops anywhere gets no answer and is still the peer's turn", "[frames]")
{
    const std::string wire = frame(Tag::json, R"({"op":"ping"})");

    for (std::size_t size = 0; size < wire.size(); ++size) {
        Conversation host;
        host.says(wire.substr(0, size));

        CHECK(host.outbox.sent().empty());
        CHECK_FALSE(host.outbox.finished);
        CHECK(host.session->awaits_peer());
    }
}

TEST_CASE("frames: unfinished requests of all peers together have a limit", "[frames]")
{
    Conversation host;
    FakeOutbox outbox;
    const auto other = host.dialect->open(outbox, host.context);
    const std::string half = frame(Tag::json, std::string(700000, ' ')).substr(0, 600000);

    host.says(half);
    other->on_bytes(bytes_of(half));

    CHECK_FALSE(host.outbox.finished);
    CHECK(outbox.finished);
    CHECK(outbox.reason->kind == Error::Kind::busy);
    host.session.reset();
    CHECK(host.memory.used() == 0);
}

TEST_CASE("frames: peers that hold back the end of a large request do not lock others out", "[frames]")
{
    Conversation greedy;
    greedy.says(frame(Tag::json, std::string(2 << 20, ' ')).substr(0, (1 << 20) + 4096));
    REQUIRE_FALSE(greedy.outbox.finished);
    CHECK(greedy.memory.used() > (1 << 20) - 10);
    FakeOutbox outbox;
    const auto modest = greedy.dialect->open(outbox, greedy.context);

    modest->on_bytes(bytes_of(frame(Tag::json, R"({"op":"ping"})")));

    CHECK(frames_of(outbox.sent()).size() == 1);
}

TEST_CASE("frames: what no program can be given is refused before it is kept", "[frames][run]")
{
    const std::string members = GENERATE(values<std::string>({
        R"("cmd":")" + std::string(128 << 10, 'x') + "\"",
        R"("cmd":"true","env":{"A":")" + std::string(128 << 10, 'x') + "\"}",
    }));
    Conversation host;

    host.asks(R"({"op":"run",)" + members + "}");

    CHECK(host.hears_once() == R"({"ok":false,"op":"error","error":"spawn failed: [Errno 7] Argument list too long"})");
    CHECK_FALSE(host.operations.run.started);
}

TEST_CASE("frames: of what a host said an answer repeats the beginning only", "[frames]")
{
    Conversation host;

    host.asks(R"({"op":")" + std::string(100000, 'o') + "\"}");

    CHECK(host.hears_once() == R"({"ok":false,"error":"unknown op ')" + std::string(4096, 'o') + R"(...'"})");
}

TEST_CASE("frames: one request a connection, what follows is ignored", "[frames]")
{
    Conversation host;
    host.asks(R"({"op":"run","cmd":"x"})");

    host.asks(R"({"op":"ping"})");
    host.says(frame(Tag::data, "zzz"));

    CHECK(host.outbox.sent().empty());
    CHECK_FALSE(host.session->awaits_peer());
}

TEST_CASE("frames: a peer for whom there is no session hears why", "[frames]")
{
    Conversation host;

    const std::string words = host.dialect->refusal({Error::Kind::busy, {}, "too many"});

    CHECK(frames_of(words) == Frames{{Tag::json, R"({"ok":false,"error":"too many"})"}});
}

TEST_CASE("frames: info tells what there is", "[frames][info]")
{
    Conversation host;

    host.asks(R"({"op":"info"})");

    CHECK(
        host.hears_once() ==
        R"({"ok":true,"op":"info","agent":"bellhop","agent_version":"9.9","dialects":["frames"],)"
        R"("operations":[{"name":"run","enabled":true},{"name":"get_file","enabled":false}],"commands":[],)"
        R"("os":{"ID":"debian","kernel":"6.1","machine":"x86_64"},)"
        R"("limits":{"connections":256,"runs":64,"frame_bytes":16777216,"buffered_bytes":67108864,"idle_seconds":60.0,"stall_seconds":3600.0},)"
        R"("uptime_ms":1500,"memory_kib":400})");
}

TEST_CASE("frames: run passes the command, the shell, the environment and the limit on", "[frames][run]")
{
    Conversation host;

    host.asks(R"({"op":"run","cmd":"true","shell":"raw","timeout":1.5,"env":{"A":"x","B":true,"C":7,"D":null,"E":1.5}})");

    const op::Run::Request& run = *host.operations.run.started;
    CHECK(run.argv == std::vector<std::string>{"/bin/sh", "-c", "true"});
    CHECK(run.environment == std::vector<std::string>{"A=x", "B=true", "C=7", "D=null", "E=1.5"});
    CHECK(run.time_limit == std::chrono::milliseconds(1500));
    CHECK(run.grace == std::chrono::milliseconds(200));
    CHECK_FALSE(host.outbox.finished);
}

TEST_CASE("frames: a login shell is the agent's, a time limit is at most a year and never rounded to none", "[frames][run]")
{
    struct Row {
        std::string timeout;
        std::chrono::milliseconds limit;
    };
    const Row row = GENERATE(values<Row>({
        {"null", std::chrono::milliseconds(0)},
        {"0", std::chrono::milliseconds(0)},
        {"0.00001", std::chrono::milliseconds(1)},
        {"1e300", std::chrono::hours(365 * 24)},
        {"18446744073709551615", std::chrono::hours(365 * 24)},
    }));
    Conversation host;
    host.dialect = frames::make_dialect({"9.9", host.config, "/bin/other"});
    host.session = host.dialect->open(host.outbox, host.context);

    host.asks(R"({"op":"run","cmd":"true","timeout":)" + row.timeout + "}");

    CHECK(host.operations.run.started->argv == std::vector<std::string>{"/bin/other", "-lc", "true"});
    CHECK(host.operations.run.started->time_limit == row.limit);
}

TEST_CASE("frames: output comes in chunks as it is written, the answer last", "[frames][run]")
{
    Conversation host;
    host.asks(R"({"op":"run","cmd":"x"})");

    host.operations.run.writes(Stream::out, std::string(70000, 'o'));
    host.operations.run.writes(Stream::err, "oops");
    host.operations.run.ends(exited(3));

    const Frames frames = host.hears();
    REQUIRE(frames.size() == 4);
    CHECK(frames[0] == Frames::value_type{Tag::out, std::string(65536, 'o')});
    CHECK(frames[1] == Frames::value_type{Tag::out, std::string(70000 - 65536, 'o')});
    CHECK(frames[2] == Frames::value_type{Tag::err, "oops"});
    CHECK(frames[3].second.starts_with(R"({"ok":true,"op":"exit","exit_code":3,)"));
    CHECK(host.outbox.rest == Outbox::Rest::none);
    CHECK(host.operations.run.dropped);
}

TEST_CASE("frames: the end of a command in the host's words", "[frames][run]")
{
    struct Row {
        ExitStatus::How how;
        int code;
        bool oom, pipes_open;
        std::string begin;
    };
    using How = ExitStatus::How;
    const Row row = GENERATE(values<Row>({
        {How::exited, 0, false, true,
         R"({"ok":true,"op":"exit","exit_code":0,"core":false,"oom":false,"pipes_open":true,"duration_ms":5,"rusage":{"ru_utime":0.25,"ru_stime":1.0,"ru_maxrss":7,)"},
        {How::signaled, 9, true, false, R"({"ok":true,"op":"exit","exit_code":-9,"signal":9,"core":false,"oom":true,)"},
        {How::timed_out, 9, false, false, R"({"ok":true,"op":"timeout","timeout":3.0})"},
    }));
    Conversation host;
    host.asks(R"({"op":"run","cmd":"x","timeout":3})");
    ExitStatus status;
    status.how = row.how;
    status.code = row.code;
    status.oom = row.oom;
    status.pipes_open = row.pipes_open;
    status.wall = std::chrono::microseconds(5999);
    status.usage = {std::chrono::microseconds(250000), std::chrono::microseconds(1000000), {7}};

    host.operations.run.ends(status);

    CHECK(host.hears_once().substr(0, row.begin.size()) == row.begin);
}

TEST_CASE("frames: an exit carries the sixteen values of getrusage", "[frames][run]")
{
    Conversation host;
    host.asks(R"({"op":"run","cmd":"x"})");
    host.operations.run.ends(exited(0));

    const std::string answer = host.hears_once();
    for (const char* name : {"utime", "stime", "maxrss", "ixrss", "idrss", "isrss", "minflt", "majflt", "nswap", "inblock",
                             "oublock", "msgsnd", "msgrcv", "nsignals", "nvcsw", "nivcsw"})
        CHECK(answer.find("\"ru_" + std::string(name) + "\":") != answer.npos);
}

TEST_CASE("frames: a command that cannot start is told as such", "[frames][run]")
{
    Conversation host;
    host.operations.refuses =
        Error{Error::Kind::not_found, {2, std::system_category()}, "exec /bin/sh: No such file or directory"};

    host.asks(R"({"op":"run","cmd":"x"})");

    CHECK(host.hears_once() == R"({"ok":false,"op":"error","error":"spawn failed: [Errno 2] No such file or directory"})");
}

TEST_CASE("frames: a host that reads slowly holds its command", "[frames][run]")
{
    Conversation host;
    host.outbox.high_mark = 65536;
    host.asks(R"({"op":"run","cmd":"x"})");

    host.operations.run.writes(Stream::out, std::string(3 * 65536, 'o'));
    CHECK(host.operations.run.held);
    CHECK(host.hears().size() == 1);

    host.outbox.empty_it();
    host.session->on_room();
    CHECK_FALSE(host.operations.run.held);
}

TEST_CASE("frames: a peer that hangs up takes its command with it", "[frames][run]")
{
    Conversation host;
    host.asks(R"({"op":"run","cmd":"x"})");

    host.session.reset();

    CHECK(host.operations.run.dropped);
}

TEST_CASE("frames: a file comes as header, chunks and EOF, at the host's pace", "[frames][get]")
{
    Conversation host;
    host.outbox.high_mark = GENERATE(values<std::size_t>({std::size_t(-1), 65536, 1}));
    host.operations.files["/f"] = std::string(200000, 'f');

    host.asks(R"({"op":"get_file","path":"/f"})");
    while (!host.outbox.finished) {
        host.outbox.empty_it();
        host.session->on_room();
    }

    const Frames frames = host.hears();
    REQUIRE(frames.size() == 6);
    CHECK(frames[0] == Frames::value_type{Tag::json, R"({"ok":true,"mode":416,"size":200000})"});
    CHECK(frames[4] == Frames::value_type{Tag::data, std::string(200000 - 3 * 65536, 'f')});
    CHECK(frames[5] == Frames::value_type{Tag::eof, ""});
}

TEST_CASE("frames: an empty file is a header and EOF", "[frames][get]")
{
    Conversation host;
    host.operations.files["/f"] = "";

    host.asks(R"({"op":"get_file","path":"/f"})");

    CHECK(host.hears() == Frames{{Tag::json, R"({"ok":true,"mode":416,"size":0})"}, {Tag::eof, ""}});
}
