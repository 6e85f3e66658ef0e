// SPDX-License-Identifier: Apache-2.0
#include "op/jobs.hpp"
#include "support/loop.hpp"

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace bellhop;
using namespace bellhop::test;

namespace {

Result<std::unique_ptr<Job>> begin(Loop& loop, Sink& sink, op::PutFile::Request request)
{
    return loop.context.operations.start<op::PutFile>(loop.context, std::move(request), sink);
}

mode_t mode_of(const std::string& path)
{
    struct stat info;
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777;
}

}  // namespace

TEST_CASE("put_file: the target changes at the end, whole, with its mode", "[put]")
{
    Loop loop;
    TempDir dir;
    Sink sink;
    const std::optional<unsigned> mode = GENERATE(std::optional<unsigned>(), std::optional<unsigned>(0751));
    write_file(dir / "f", "old");

    sink.job = std::move(*begin(loop, sink, {dir / "f", "", mode}));
    sink.job->input(bytes_of("new "));
    sink.job->input(bytes_of("words"));
    CHECK(contents(dir / "f") == "old");
    CHECK(dir.count() == 2);
    sink.job->end_input();
    CHECK_FALSE(sink.end);  // never from inside a call

    REQUIRE(loop.until([&] { return sink.end.has_value(); }));
    CHECK(bool(*sink.end));
    CHECK(contents(dir / "f") == "new words");
    CHECK(mode_of(dir / "f") == mode.value_or(0600));
    CHECK(dir.count() == 1);
}

TEST_CASE("put_file: dropped before its end, it leaves nothing", "[put]")
{
    Loop loop;
    TempDir dir;
    Sink sink;

    sink.job = std::move(*begin(loop, sink, {dir / "f", "", {}}));
    sink.job->input(bytes_of("half"));
    sink.job.reset();

    CHECK(dir.count() == 0);
}

TEST_CASE("put_file: where a file goes", "[put]")
{
    TempDir dir;
    std::filesystem::create_directory(dir / "sub");
    struct Row {
        std::string path, name, target;  // below the directory; target empty: an error
    };
    const Row row = GENERATE(values<Row>({
        {"f", "", "f"},
        {"f", "n", "f"},
        {"sub/../f", "", "f"},
        {"./sub//f", "", "sub/f"},
        {"new/", "", "new"},
        {"sub", "n", "sub/n"},
        {"sub/", "n", "sub/n"},
        {"sub", "../escape", "sub/escape"},
        {"sub", "/etc/passwd", "sub/passwd"},
        {"sub", "", ""},
        {"sub", "a/", ""},
        {"sub", ".", ""},
        {"sub", "..", ""},
        {"sub", "a/..", ""},
    }));

    const Result<std::string> target = op::put_target(dir / row.path, row.name);

    CAPTURE(row.path, row.name);
    REQUIRE(bool(target) == !row.target.empty());
    if (target)
        CHECK(*target == dir / row.target);
}

TEST_CASE("put_file: a destination that is a directory is told in the words that hosts know", "[put]")
{
    CHECK(op::put_target("/tmp", "").error().text == "destination is a directory and no filename was provided: /tmp");
    CHECK(op::put_target("/tmp", "..").error().text == "destination filename is invalid: .. (cannot be '.' or '..')");
    CHECK(*op::put_target("/../..", "x") == "/x");
}

TEST_CASE("put_file: what cannot be begun says why", "[put]")
{
    Loop loop;
    TempDir dir;
    Sink sink;

    auto job = begin(loop, sink, {dir / "none/f", "", {}});

    REQUIRE_FALSE(job);
    CHECK(job.error().os.value() == ENOENT);
    CHECK(job.error().kind == Error::Kind::not_found);
}

TEST_CASE("put_file: a disk that is full is told at the end, and the rest is still taken", "[put]")
{
    Loop loop;
    Sink sink;
    TempDir dir;
    rlimit before;
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit small{1000, before.rlim_max};  // stands for the disk: write(2) fails in the middle
    ::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);

    sink.job = std::move(*begin(loop, sink, {dir / "f", "", {}}));
    for (int i = 0; i < 5; ++i)
        CHECK(sink.job->input(bytes_of(std::string(800, 'x'))) == Outbox::Room::more);
    sink.job->end_input();
    const bool ended = loop.until([&] { return sink.end.has_value(); });
    ::setrlimit(RLIMIT_FSIZE, &before);

    REQUIRE(ended);
    REQUIRE_FALSE(*sink.end);
    CHECK(sink.end->error().os.value() == EFBIG);
    CHECK(dir.count() == 0);
}

namespace {

class SlowClock final : public Timers {  // every look at it finds `step` gone: what a disk that is behind looks like
public:
    FakeTimers fake;
    std::chrono::milliseconds step{0};
    std::chrono::steady_clock::time_point now() const override { return const_cast<FakeTimers&>(fake).advance(step), fake.now(); }
    std::unique_ptr<Timer> after(std::chrono::microseconds delay, std::function<void()> call) override
    {
        return fake.after(delay, std::move(call));
    }
};

}  // namespace

TEST_CASE("put_file: a write that took long is followed by a pause as long", "[put]")
{
    Loop loop;
    TempDir dir;
    Sink sink;
    SlowClock clock;
    const Context context{{}, "test", loop.registry, clock, loop.barrier, loop.memory};
    sink.job = std::move(*loop.registry.start<op::PutFile>(context, {dir / "f", "", {}}, sink));

    CHECK(sink.job->input(bytes_of("quick")) == Outbox::Room::more);
    clock.step = std::chrono::milliseconds(40);
    CHECK(sink.job->input(bytes_of("slow")) == Outbox::Room::full);
    clock.fake.advance(std::chrono::milliseconds(39));
    CHECK(sink.input_rooms == 0);
    clock.fake.advance(std::chrono::milliseconds(1));
    CHECK(sink.input_rooms == 1);
}
