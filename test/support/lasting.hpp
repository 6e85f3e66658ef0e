// SPDX-License-Identifier: Apache-2.0
// A dialect that exists for the tests only. It does what frames does not and later dialects must: its commands get numbers and
// outlive the link that asked for them, they are fed by their host, and it minds that a host may come and go on one link.
// Lines: `start COMMAND` -> `N`; `input N TEXT` -> `more` or `full`; `end N`; `status N` -> `running` or `exit CODE OUTPUT`.
#pragma once
#include <bellhop/op/run.hpp>

#include <bellhop/dialect.hpp>

#include <map>
#include <sstream>

namespace bellhop::test {

class Lasting final : public Dialect {
public:
    explicit Lasting(const Context& own) : own_(own) {}
    std::unique_ptr<ChannelSession> open(Outbox& outbox, const Context& context) override
    {
        return std::make_unique<Session>(*this, outbox, context);
    }

private:
    struct Command final : JobSink {
        std::unique_ptr<Job> job;
        std::string output, end;
        void on_output(Stream, const std::shared_ptr<Source>& source) override
        {
            while (source->available() > 0)
                output += text_of(source->take(source->available()));
        }
        void on_end(Result<ExitStatus> status) override
        {
            job.reset();
            end = "exit " + std::to_string(status ? status->code : -1) + " ";
        }
    };

    class Session final : public ChannelSession {
    public:
        Session(Lasting& dialect, Outbox& outbox, const Context& context) : dialect_(dialect), outbox_(outbox), context_(context)
        {
        }
        void on_attach() override { outbox_.send(bytes_of("hello\n")); }
        void on_detach() override { line_.clear(); }  // the rest of it will never come
        void on_bytes(ByteView bytes) override
        {
            for (char c : text_of(bytes))
                if (c != '\n')
                    line_ += c;
                else
                    outbox_.send(bytes_of(dialect_.answer(context_, std::exchange(line_, {})) + "\n"));
        }

    private:
        Lasting& dialect_;
        Outbox& outbox_;
        const Context& context_;
        std::string line_;
    };

    std::string answer(const Context& asker, const std::string& line)
    {
        std::istringstream words(line);
        std::string verb, rest;
        int number = 0;
        words >> verb;
        if (verb != "start")
            words >> number;
        std::getline(words >> std::ws, rest);
        if (verb == "start")
            return start(asker, rest);
        const auto at = commands_.find(number);
        if (at == commands_.end())
            return "none";
        Command& command = at->second;
        if (verb == "status")
            return command.job ? "running" : command.end + command.output;
        if (!command.job)
            return "over";
        if (verb == "end")
            return command.job->end_input(), "ended";
        return command.job->input(bytes_of(rest)) == Outbox::Room::full ? "full" : "more";
    }

    std::string start(const Context& asker, const std::string& line)
    {
        const Context mine{asker.peer, asker.dialect, own_.operations, own_.timers, own_.barrier, own_.memory};
        Command& command = commands_[++last_];
        op::Run::Request run;
        run.argv = {"/bin/sh", "-c", line};
        run.input = op::Run::Input::given;
        auto job = mine.operations.start<op::Run>(mine, std::move(run), command);
        if (!job)
            return job.error().text;
        command.job = std::move(*job);
        return std::to_string(last_);
    }

    const Context& own_;
    int last_ = 0;
    std::map<int, Command> commands_;
};

}  // namespace bellhop::test
