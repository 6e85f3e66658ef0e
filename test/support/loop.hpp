// SPDX-License-Identifier: Apache-2.0
// A real loop with real children, turned until the event comes or its deadline is over.
#pragma once
#include "io/timers.hpp"
#include "op/job_table.hpp"
#include "op/registry.hpp"
#include <bellhop/op/run.hpp>
#include "os/children.hpp"
#include "support/catch.hpp"
#include "support/fakes.hpp"

#include <asio/io_context.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace bellhop::test {

template <class Condition>
bool turn_until(asio::io_context& io, Condition condition, std::chrono::seconds patience = std::chrono::seconds(10))
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
        if (condition())
            return true;
        io.run_one_for(std::chrono::milliseconds(20));
        io.restart();
    }
    return condition();
}

inline std::size_t open_descriptors()
{
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::size_t(std::distance(begin(all), end(all)));
}

inline std::vector<pid_t> children_of_ours()
{
    std::ifstream list("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    return {std::istream_iterator<pid_t>(list), {}};
}

struct Sink final : JobSink {
    std::string out, err;
    std::optional<Result<ExitStatus>> end;
    std::unique_ptr<Job> job;
    int input_rooms = 0;
    bool hold_at_first = false, drop_at_output = false, throw_at_output = false;

    void on_output(Stream stream, const std::shared_ptr<Source>& source) override
    {
        if (throw_at_output)
            throw std::runtime_error("bug");
        if (std::exchange(hold_at_first, false))
            return job->hold(true);
        (stream == Stream::out ? out : err) += text_of(source->take(1 << 20));
        if (drop_at_output)
            job.reset();
    }
    void on_input_room() override { ++input_rooms; }
    void on_end(Result<ExitStatus> e) override
    {
        job.reset();
        end = std::move(e);
    }
};

struct AskedPolicy final : Policy {
    std::vector<std::string> asked;
    bool deny = false;
    Status check(const OperationInfo& info, const Context&) override
    {
        asked.emplace_back(info.name);
        return deny ? Status(Error{Error::Kind::denied, {}, "no"}) : done();
    }
};

struct Loop {
    explicit Loop(os::Children::Exits exits = os::Children::best(), os::SpawnBy by = os::SpawnBy::shared_memory)
        : children(io, exits, by)
    {
        ::signal(SIGPIPE, SIG_IGN);
    }
    asio::io_context io{ASIO_CONCURRENCY_HINT_UNSAFE};
    std::array<std::byte, 65536> chunk;
    io::LoopTimers timers{io};
    os::Children children;
    op::JobTable jobs{timers, 2};
    Config config;
    op::AgentFacts facts{"9.9", config, {"frames"}};
    AskedPolicy policy;
    op::Registry registry{{io, Chunk(chunk), timers, jobs, children, facts}, policy};
    FakeBarrier barrier;
    Budget memory{1 << 20};
    Context context{{"test", "the test", {}, {}, {}}, "test", registry, timers, barrier, memory};

    Status start(Sink& sink, op::Run::Request request)
    {
        auto job = context.operations.start<op::Run>(context, std::move(request), sink);
        if (!job)
            return std::move(job.error());
        sink.job = std::move(*job);
        return done();
    }
    Status start(Sink& sink, std::string command, std::chrono::milliseconds limit = {},
                 std::chrono::milliseconds grace = std::chrono::milliseconds(50))
    {
        op::Run::Request request;
        request.argv = {"/bin/sh", "-c", std::move(command)};
        request.time_limit = limit;
        request.grace = grace;
        return start(sink, std::move(request));
    }
    template <class Condition> bool until(Condition condition) { return turn_until(io, condition); }
};

class TempDir {
public:
    TempDir() : path_((std::filesystem::temp_directory_path() / "bellhop-test-XXXXXX").string())
    {
        REQUIRE(::mkdtemp(path_.data()));
    }
    ~TempDir()
    {
        std::error_code ec;
        std::filesystem::remove_all(path_, ec);
    }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }
    std::size_t count() const
    {
        const std::filesystem::directory_iterator all(path_);
        return std::size_t(std::distance(begin(all), end(all)));
    }

private:
    std::string path_;
};

inline std::string contents(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}
inline void write_file(const std::string& path, const std::string& text)
{
    std::ofstream(path, std::ios::binary) << text;
}

}  // namespace bellhop::test
