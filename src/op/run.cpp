// SPDX-License-Identifier: Apache-2.0
// The operation behind every dialect's way to run a command, and the one to copy for a new Job.
//
// It decides one thing only: when a command is over. Its leader's exit decides, not its pipes,
// because `daemon &` in a script keeps them open for ever. But what the leader wrote before it went
// is owed to the host, however slowly the host reads. So it is over when the pipes are dry, or when
// the grace has passed and nothing is owed. Everything else is os/process's work.
//
// Ownership: the Job is the lease. Dropping it kills the group (through ~Process), gives its place
// to the next in line, and may happen inside any call to the sink; therefore a call to the sink is
// always the last thing a function does.
#include "op/job_table.hpp"
#include "op/jobs.hpp"
#include "os/accounts.hpp"
#include "os/process.hpp"

#include <bellhop/op/run.hpp>

#include <algorithm>
#include <csignal>
#include <vector>

namespace bellhop::op {
namespace {

os::Process::To to(Run::Output output)
{
    using To = os::Process::To;
    return output == Run::Output::streamed ? To::pipe : output == Run::Output::discarded ? To::null : To::standard_output;
}

// getent(1) is not asked: it may block, and this is the loop.
Status run_as(os::SpawnPlan& plan, const std::string& root, const std::string& user)
{
    const Result<os::Account> account = os::find_account(root, user);
    if (!account)
        return account.error();
    plan.rights = {account->uid, account->gid, os::groups_of(root, *account)};
    const auto set = [&all = plan.environment](const std::string& name, const std::string& value) {
        if (std::none_of(all.begin(), all.end(), [&](const std::string& one) { return one.starts_with(name); }))
            all.push_back(name + value);
    };
    set("HOME=", account->home.empty() ? "/" : account->home);
    set("USER=", account->name);
    set("LOGNAME=", account->name);
    set("SHELL=", account->shell.empty() ? "/bin/sh" : account->shell);
    return done();
}

class RunJob final : public Job, private os::ProcessEvents, private JobTable::Member {
public:
    RunJob(Guest& guest, const Context& context, Run::Request request, JobSink& sink)
        : guest_(guest), timers_(context.timers), barrier_(context.barrier), request_(std::move(request)), sink_(sink)
    {
    }
    Status start();

    void hold(bool on) override;
    Status signal(int number) override;
    Outbox::Room input(ByteView) override;
    void end_input() override;
    std::int64_t pid() const override { return process_ ? process_->pid() : 0; }

private:
    void on_drain(int signal) override;
    void on_turn() override;
    void begin();
    Status launch();
    void on_time_limit();
    void on_output(Stream, const std::shared_ptr<Source>&) override;
    void on_input_room() override { barrier_.enter(&JobSink::on_input_room, sink_); }
    void on_exit() override;
    void on_output_changed() override { maybe_end(); }
    void on_grace_over();
    void maybe_end();
    void end(bool pipes_open);

    Guest& guest_;
    Timers& timers_;
    Barrier& barrier_;
    Run::Request request_;
    JobSink& sink_;
    std::unique_ptr<os::Process> process_;  // none while it waits for its turn, and after its end
    std::unique_ptr<Timer> timer_;          // the time limit, then the grace
    std::vector<std::byte> early_input_;    // one piece at most: given while it waits for its turn
    bool held_ = false, timed_out_ = false, exited_ = false, grace_over_ = false, input_ended_ = false;
};

Status RunJob::start()
{
    if (request_.argv.empty())
        return Error{Error::Kind::bad_request, {}, "nothing to run"};
    return enter(guest_.jobs) ? launch() : done();
}

void RunJob::on_turn()
{
    barrier_.enter(&RunJob::begin, this);
}

void RunJob::begin()
{
    if (Status status = launch(); !status) {
        leave();
        barrier_.enter(&JobSink::on_end, sink_, std::move(status.error()));
        return;
    }
    if (early_input_.empty() && !input_ended_)
        return;
    const Outbox::Room room = process_->input(std::exchange(early_input_, {}));
    if (input_ended_)
        process_->end_input();
    else if (room == Outbox::Room::more)
        on_input_room();
}

void RunJob::on_drain(int number)
{
    if (process_ && !exited_)
        process_->signal_group(number);
    else if (!process_) {
        leave();
        barrier_.enter(&JobSink::on_end, sink_, Error{Error::Kind::busy, {}, "the agent is ending"});
    }
}

Status RunJob::launch()
{
    os::SpawnPlan plan{std::move(request_.argv), std::move(request_.environment), request_.directory};
    plan.inherit_environment = request_.environment_is == Run::Environment::over_ours;
    plan.plain_oom_score = guest_.facts.config.plain_oom_score;
    if (request_.user)
        if (Status known = run_as(plan, guest_.facts.config.root, *request_.user); !known)
            return known;
    const auto input = request_.input == Run::Input::given ? os::Process::Input::pipe : os::Process::Input::none;
    const os::Process::Outputs outputs{to(request_.standard_output), to(request_.standard_error)};
    auto process =
        os::Process::spawn(guest_.io, guest_.timers, guest_.children, guest_.chunk, std::move(plan), input, *this, outputs);
    if (!process)
        return std::move(process.error());
    process_ = std::move(*process);
    process_->hold_output(held_);
    if (request_.time_limit > std::chrono::milliseconds(0))
        timer_ = timers_.after(request_.time_limit, std::bind_front(&RunJob::on_time_limit, this));
    return done();
}

void RunJob::hold(bool on)
{
    held_ = on;
    if (process_)
        process_->hold_output(on);
}

Outbox::Room RunJob::input(ByteView bytes)
{
    if (process_)
        return process_->input(bytes);
    early_input_.insert(early_input_.end(), bytes.begin(), bytes.end());
    return Outbox::Room::full;  // until it runs
}

void RunJob::end_input()
{
    input_ended_ = true;
    if (process_)
        process_->end_input();
}

Status RunJob::signal(int number)
{
    if (!process_)
        return Error{Error::Kind::not_found, {}, "the command is not running"};
    process_->signal_group(number);
    return done();
}

void RunJob::on_time_limit()
{
    timed_out_ = true;
    process_->signal_group(SIGKILL);  // on_exit() follows
}

void RunJob::on_output(Stream stream, const std::shared_ptr<Source>& source)
{
    barrier_.enter(&JobSink::on_output, sink_, stream, source);
}

void RunJob::on_exit()
{
    exited_ = true;
    timer_.reset();
    if (process_->output() == os::Process::Output::dry)
        return maybe_end();
    if (request_.grace)
        timer_ = timers_.after(*request_.grace, std::bind_front(&RunJob::on_grace_over, this));
    barrier_.enter(&JobSink::on_leader_exit, sink_);
}

void RunJob::on_grace_over()
{
    grace_over_ = true;
    maybe_end();
}

void RunJob::maybe_end()
{
    if (!exited_ || !process_)
        return;
    const os::Process::Output output = process_->output();
    if (output == os::Process::Output::dry)
        end(false);
    else if (output == os::Process::Output::open && grace_over_)
        end(true);
}

void RunJob::end(bool pipes_open)
{
    Result<ExitStatus> status = process_->reap();
    if (status)
        status->pipes_open = pipes_open;
    if (status && timed_out_)
        status->how = ExitStatus::How::timed_out;
    process_.reset();
    timer_.reset();
    leave();
    barrier_.enter(&JobSink::on_end, sink_, std::move(status));
}

}  // namespace

Result<std::unique_ptr<Job>> start_run(Guest& guest, const Context& context, Run::Request request, JobSink& sink)
{
    auto job = std::make_unique<RunJob>(guest, context, std::move(request), sink);
    if (Status status = job->start(); !status)
        return std::move(status.error());
    return job;
}

}  // namespace bellhop::op
