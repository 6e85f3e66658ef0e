// SPDX-License-Identifier: Apache-2.0
// Hand-turned stand-ins for what a dialect touches. No io_context, no descriptor, no clock.
#pragma once
#include "support/catch.hpp"

#include <bellhop/budget.hpp>
#include <bellhop/context.hpp>
#include <bellhop/op/freeze.hpp>
#include <bellhop/op/get_file.hpp>
#include <bellhop/op/info.hpp>
#include <bellhop/op/own_command.hpp>
#include <bellhop/op/put_file.hpp>
#include <bellhop/op/reach.hpp>
#include <bellhop/op/run.hpp>

#include <algorithm>
#include <map>

namespace bellhop::test {

class TextLink final : public ByteLink {  // takes everything; to see what a Source gives
public:
    std::string text;
    int descriptor() const override { return -1; }
    std::size_t read(Chunk, std::error_code&) override { return 0; }
    std::size_t write(ByteView bytes, More, std::error_code&) override { return text += text_of(bytes), bytes.size(); }
    void end_output() override {}
    bool hung_up() const override { return false; }
};

class FakeSource final : public Source {
public:
    explicit FakeSource(std::string text = {}) : text_(std::move(text)) {}
    void add(std::string_view more) { text_ += more; }
    std::size_t available() const override { return text_.size() - promised_; }
    ByteView take(std::size_t most) override
    {
        REQUIRE(promised_ == 0);
        taken_ = text_.substr(0, most);
        text_.erase(0, taken_.size());
        return bytes_of(taken_);
    }
    void promise(std::size_t count) override
    {
        REQUIRE(count <= available());
        promised_ += count;
    }
    std::size_t move_to(ByteLink& link, std::size_t most, ByteLink::More more, std::error_code& ec) override
    {
        const std::size_t count = link.write(bytes_of(text_).first(most), more, ec);
        text_.erase(0, count);
        promised_ -= count;
        return count;
    }

private:
    std::string text_, taken_;
    std::size_t promised_ = 0;
};

class FakeOutbox final : public Outbox {
public:
    std::string sent() const { return link_.text; }
    bool finished = false, paused = false;
    std::optional<Rest> rest;
    std::optional<Error> reason;
    std::size_t high_mark = std::size_t(-1);  // sent since the last empty_it()
    void empty_it() { since_ = link_.text.size(); }
    void forget() { *this = FakeOutbox(); }

    Room send(ByteView bytes) override
    {
        REQUIRE_FALSE(finished);
        link_.text += text_of(bytes);
        return room();
    }
    Room send_from(const std::shared_ptr<Source>& source, std::size_t count) override
    {
        REQUIRE_FALSE(finished);
        std::error_code ec;
        source->promise(count);
        source->move_to(link_, count, ByteLink::More::no, ec);
        return room();
    }
    void pause_input(bool on) override { paused = on; }
    void finish(Rest r) override
    {
        finished = true;
        rest = r;
    }
    void abandon(Error e) override
    {
        finished = true;
        reason = std::move(e);
    }

private:
    Room room() const { return link_.text.size() - since_ >= high_mark ? Room::full : Room::more; }
    TextLink link_;
    std::size_t since_ = 0;
};

class FakeTimers final : public Timers {
public:
    std::chrono::steady_clock::time_point now() const override { return now_; }
    std::unique_ptr<Timer> after(std::chrono::microseconds delay, std::function<void()> call) override
    {
        calls_.push_back(std::make_shared<Call>(Call{now_ + delay, std::move(call)}));
        return std::make_unique<One>(calls_.back());
    }
    void advance(std::chrono::milliseconds by)
    {
        now_ += by;
        for (const std::shared_ptr<Call>& one : std::exchange(calls_, {}))
            if (one->at > now_)
                calls_.push_back(one);
            else if (one->call)
                std::exchange(one->call, nullptr)();
    }
    std::size_t waiting() const
    {
        return std::size_t(std::count_if(calls_.begin(), calls_.end(), [](const auto& one) { return bool(one->call); }));
    }

private:
    struct Call {
        std::chrono::steady_clock::time_point at;
        std::function<void()> call;  // none: dropped
    };
    struct One final : Timer {
        explicit One(std::shared_ptr<Call> c) : call(std::move(c)) {}
        ~One() override { call->call = nullptr; }
        std::shared_ptr<Call> call;
    };
    std::chrono::steady_clock::time_point now_{};
    std::vector<std::shared_ptr<Call>> calls_;
};

class FakeBarrier final : public Barrier {
public:
    int bugs = 0;

private:
    void on_bug(std::exception_ptr) noexcept override { ++bugs; }
};

// One job that the test plays: the calls go to whoever asked.
struct FakeWork {
    JobSink* sink = nullptr;
    bool held = false, dropped = false, input_ended = false, input_full = false;
    std::string input;
    std::vector<int> signals;
    std::int64_t pid = 0;
    std::shared_ptr<FakeSource> out = std::make_shared<FakeSource>(), err = std::make_shared<FakeSource>();

    void writes(Stream stream, std::string_view text)
    {
        const auto& source = stream == Stream::out ? out : err;
        source->add(text);
        sink->on_output(stream, source);
    }
    void ends(Result<ExitStatus> status) { sink->on_end(std::move(status)); }
};
struct FakeRun : FakeWork {
    std::optional<op::Run::Request> started;
};
struct FakePut : FakeWork {
    std::optional<op::PutFile::Request> started;
};

class FakeJob final : public Job {
public:
    explicit FakeJob(FakeWork& work) : work_(work), pid_(work.pid) {}
    ~FakeJob() override { work_.dropped = true; }
    void hold(bool on) override { work_.held = on; }
    Status signal(int number) override
    {
        work_.signals.push_back(number);
        return done();
    }
    Outbox::Room input(ByteView bytes) override
    {
        REQUIRE_FALSE(work_.input_ended);
        work_.input += text_of(bytes);
        return work_.input_full ? Outbox::Room::full : Outbox::Room::more;
    }
    void end_input() override { work_.input_ended = true; }
    std::int64_t pid() const override { return pid_; }

private:
    FakeWork& work_;
    const std::int64_t pid_;
};

class FakeOperations final : public Operations {
public:
    FakeRun run;
    FakePut put;
    std::optional<Error> refuses;
    bool never_answers = false;  // what it is asked
    std::vector<std::string_view> asked;
    std::function<Result<std::unique_ptr<Lease>>(const OperationInfo&, void* request, void* then)> on_ask;
    std::map<std::string, std::string> files;
    std::map<std::string, op::OwnCommand::Answer> own_commands;  // by name and argument: "x null"
    std::function<void()> called;                                // the end of the own command that was called last
    op::FreezeState::State freeze = op::FreezeState::State::thawed;

    std::vector<Listed> list(const Context&) override { return {{&op::Run::info, true}, {&op::GetFile::info, false}}; }
    bool allows(const OperationInfo&, const Context&) override { return !refuses; }

private:
    Result<std::unique_ptr<Job>> start_erased(const OperationInfo& info, const Context&, void* request, JobSink& sink) override
    {
        if (&info == &op::Run::info)
            return begin(run, *static_cast<op::Run::Request*>(request), sink);
        REQUIRE(&info == &op::PutFile::info);
        return begin(put, *static_cast<op::PutFile::Request*>(request), sink);
    }
    Result<std::unique_ptr<Lease>> ask_erased(const OperationInfo& info, const Context&, void* request, void* then) override
    {
        if (never_answers) {
            asked.push_back(info.name);
            return std::make_unique<Lease>();
        }
        if (on_ask && !refuses)
            return on_ask(info, request, then);
        if (&info == &op::OwnCommand::info && !refuses)
            return call_own(*static_cast<op::OwnCommand::Request*>(request),
                            *static_cast<std::function<void(Result<op::OwnCommand::Answer>)>*>(then));
        return refuses.value_or(Error{Error::Kind::unsupported, {}, "this guest has no answer"});
    }
    template <class Work, class Request> Result<std::unique_ptr<Job>> begin(Work& work, Request& request, JobSink& sink)
    {
        work.started = request;
        work.sink = &sink;
        if (refuses)
            return *refuses;
        return std::make_unique<FakeJob>(work);
    }
    Result<std::unique_ptr<Lease>> call_own(const op::OwnCommand::Request& request,
                                            const std::function<void(Result<op::OwnCommand::Answer>)>& then)
    {
        const auto found = own_commands.find(request.name + " " + request.argument);
        if (found == own_commands.end())
            return Error{Error::Kind::not_found, {}, "there is no own command '" + request.name + "'"};
        called = [then, answer = found->second] { then(answer); };
        return std::make_unique<Lease>();
    }
    Status call_erased(const OperationInfo& info, const Context& context, void* request, void* answer) override
    {
        if (refuses)
            return *refuses;
        if (&info == &op::OwnCommands::info) {
            for (const auto& [call, said] : own_commands)
                static_cast<op::OwnCommands::Answer*>(answer)->names.push_back(call.substr(0, call.find(' ')));
            return done();
        }
        if (&info == &op::Info::info) {
            *static_cast<op::Info::Answer*>(answer) = {
                "9.9", {"frames"}, list(context), {{"ID", "debian"}}, "6.1", "x86_64", {}, std::chrono::milliseconds(1500), 400};
            return done();
        }
        if (&info == &op::FreezeState::info) {
            static_cast<op::FreezeState::Answer*>(answer)->state = freeze;
            return done();
        }
        if (&info == &op::MayHang::info)
            return done();
        REQUIRE(&info == &op::GetFile::info);
        const auto file = files.find(static_cast<op::GetFile::Request*>(request)->path);
        if (file == files.end())
            return Error{Error::Kind::not_found, {2, std::system_category()}, "cannot open it: No such file or directory"};
        *static_cast<op::GetFile::Answer*>(answer) = {0640, file->second.size(), std::make_shared<FakeSource>(file->second)};
        return done();
    }
};

// Everything a session needs, in one place.
struct World {
    FakeOutbox outbox;
    FakeOperations operations;
    FakeTimers timers;
    FakeBarrier barrier;
    Budget memory{1 << 20};
    Context context{{"test", "the test", {}, {}, {}}, "test", operations, timers, barrier, memory};
};

}  // namespace bellhop::test
