// SPDX-License-Identifier: Apache-2.0
// What is kept has three limits: of an output, of all outputs together, and of the number of results. The first is told as
// "truncated", for the others the oldest results go.
#include "dialect/qga/exec.hpp"

#include <algorithm>

namespace bellhop::qga {
namespace {

constexpr std::size_t most_results = 128, most_kept_by_all = 64 << 20, input_step = 64 << 10;
constexpr std::size_t most_in_pipe = 1 << 20;
constexpr std::chrono::seconds kept_after_fetch{60};

}  // namespace

// ---- all of them

Execs& execs_of(State& state)
{
    if (!state.execs)
        state.execs = std::make_shared<Execs>();
    return *state.execs;
}

Exec* Execs::find(std::int64_t pid)
{
    const auto found = by_pid.find(pid);
    return found == by_pid.end() ? nullptr : found->second.get();
}

bool Execs::drop_oldest(const Exec* except)
{
    const Exec* oldest = nullptr;
    for (const auto& [pid, one] : by_pid)
        if (one->over() && one.get() != except)
            if (!oldest || std::pair(!one->was_fetched(), one->order()) < std::pair(!oldest->was_fetched(), oldest->order()))
                oldest = one.get();
    return oldest && by_pid.erase(oldest->pid()) > 0;
}

std::size_t Execs::room(std::size_t wanted)
{
    while (kept + wanted > most_kept_by_all && drop_oldest(nullptr)) {
    }
    return most_kept_by_all - std::min(kept, most_kept_by_all);
}

void Execs::on_over(const Exec& one)
{
    ++results;
    while (results > most_results && drop_oldest(&one)) {
    }
}

// ---- one

Exec::~Exec()
{
    all_.kept -= kept();
    all_.results -= over() ? 1 : 0;
}

Status Exec::start(const Context& context, op::Run::Request request, std::string input)
{
    if (!memory_.take(input.size()))
        return Error{Error::Kind::busy, {}, "too much input for commands at a time"};
    input_ = std::move(input);
    auto job = context.operations.start<op::Run>(context, std::move(request), *this);
    if (!job)
        return std::move(job.error());
    pid_ = (*job)->pid();
    if (pid_ == 0)  // it would have to wait for its turn, and has no number until then
        return Error{Error::Kind::busy, {}, "too many commands run at a time"};
    job_ = std::move(*job);
    feed();
    return done();
}

void Exec::on_output(Stream stream, const std::shared_ptr<Source>& source)
{
    Output& output = outputs_[std::size_t(stream)];
    const bool lossless = overflow_ == Overflow::hold;
    const std::size_t most = most_kept + (lossless && leader_exited_ ? most_in_pipe : 0);
    while (const std::size_t there = source->available()) {
        const std::size_t wanted = std::min(there, most - output.bytes->size());
        const std::size_t room = std::min(wanted, all_.room(wanted));
        if (lossless && !leader_exited_ && room == 0 && output.bytes->size() > 0)
            return job_->hold(held_ = true);
        const ByteView bytes = source->take(lossless && room > 0 ? room : there);
        if (bytes.empty())
            return;
        const ByteView kept = bytes.first(std::min(bytes.size(), room));
        const bool whole = output.bytes->append(kept);
        all_.kept += whole ? kept.size() : 0;
        output.truncated = output.truncated || !whole || kept.size() < bytes.size();
    }
}

// What is in its pipes now is all that comes of it, and finds room: one that nobody reads shall not count as running for ever.
void Exec::on_leader_exit()
{
    leader_exited_ = true;
    if (std::exchange(held_, false))
        job_->hold(false);
}

void Exec::on_input_room()
{
    input_full_ = false;
    feed();
}

void Exec::feed()
{
    while (!input_full_ && input_taken_ < input_.size()) {
        const std::size_t count = std::min(input_.size() - input_taken_, input_step);
        input_full_ = job_->input(bytes_of(input_).subspan(input_taken_, count)) == Outbox::Room::full;
        input_taken_ += count;
    }
    if (input_taken_ < input_.size())
        return;
    input_ = {};
    input_taken_ = 0;
    memory_.give_back();
    if (!open_input_)
        job_->end_input();
}

bool Exec::input(std::string bytes)
{
    if (!input_.empty() || input_full_ || !memory_.take(bytes.size()))
        return false;
    input_ = std::move(bytes);
    feed();
    return true;
}

void Exec::end_input()
{
    if (std::exchange(open_input_, false) && input_.empty())
        job_->end_input();
}

void Exec::on_end(Result<ExitStatus> status)
{
    end_ = std::move(status);
    job_.reset();
    input_ = {};
    memory_.give_back();
    order_ = ++all_.ended;
    all_.on_over(*this);
}

void Exec::fetched(Timers& timers)
{
    expiry_ = timers.after(kept_after_fetch, [&all = all_, pid = pid_] { all.by_pid.erase(pid); });
}

void Exec::forget_before(Stream stream, std::uint64_t offset)
{
    const std::size_t before = kept();
    outputs_[std::size_t(stream)].bytes->forget_before(offset);
    all_.kept -= before - kept();
    if (job_ && before != kept() && std::exchange(held_, false))
        job_->hold(false);
}

}  // namespace bellhop::qga
