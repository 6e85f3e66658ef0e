// SPDX-License-Identifier: Apache-2.0
// An output pipe is read only when it is ready and only as far as the dialect asks; it is itself the Source it hands out, and
// lives on in an Outbox's queue after its process and its session's interest are gone.
// While promised bytes have yet to leave, the pipe stays readable, so waiting for it again would spin: on_moved() does it.
// pipe(7), wait4(2), getrusage(2).
#include "os/process.hpp"

#include "os/errors.hpp"
#include "os/oom.hpp"
#include "os/source.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bellhop::os {
namespace {

constexpr std::size_t input_mark = 64 << 10;

constexpr std::size_t rush = 32 << 10;            // bytes at one look
constexpr std::chrono::microseconds breath{400};  // 2.6 GB/s until the pipe is full
constexpr std::chrono::milliseconds rush_remembered{1};

struct Pipe {
    Fd read, write;
};

Result<Pipe> make_pipe()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0)
        return failure("no pipe for the child");
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

ResourceUsage usage_of(const rusage& r)
{
    const auto time = [](const timeval& t) { return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec); };
    return {time(r.ru_utime),
            time(r.ru_stime),
            {r.ru_maxrss, r.ru_ixrss, r.ru_idrss, r.ru_isrss, r.ru_minflt, r.ru_majflt, r.ru_nswap, r.ru_inblock, r.ru_oublock,
             r.ru_msgsnd, r.ru_msgrcv, r.ru_nsignals, r.ru_nvcsw, r.ru_nivcsw}};
}

}  // namespace

// ---- outputs

class Process::OutputPipe final : public PipeSource, public std::enable_shared_from_this<OutputPipe> {
public:
    OutputPipe(asio::io_context& io, Timers& timers, Fd pipe, Chunk chunk, Stream stream)
        : PipeSource(std::move(pipe), chunk), timers_(timers), stream_(stream), readiness_(io, descriptor(), *this)
    {
    }
    void start(Process& process)
    {
        process_ = &process;
        maybe_wait();
    }
    void let_go()
    {
        process_ = nullptr;
        breath_.reset();
    }
    void hold(bool on)
    {
        held_ = on;
        maybe_wait();
    }
    void on_leader_exit()  // what is in the pipe now is owed to the host, what comes later is a courtesy
    {
        look(Ask::end_too);
        owed_ = available();
    }
    bool dry() const { return complete() && available() == 0; }
    Output output() const { return dry() ? Output::dry : owed_ > 0 ? Output::owed : Output::open; }

private:
    void maybe_wait()
    {
        if (!waiting_ && !held_ && !dry() && promised() == 0 && process_)
            wait_for_next_look();
    }
    void on_readable();
    void hand_on();
    void watch_for_a_rush(std::size_t found);
    void wait_for_next_look();
    void on_moved() override { maybe_wait(); }
    void on_spoken_for(std::size_t count) override { owed_ -= std::min(owed_, count); }

    Process* process_ = nullptr;
    Timers& timers_;
    Stream stream_;
    std::unique_ptr<Timer> breath_;  // instead of a wait for the pipe
    std::chrono::steady_clock::time_point rushed_{}, next_look_{};
    bool waiting_ = false, held_ = false;
    std::size_t owed_ = 0;
    Readiness<OutputPipe> readiness_;
};

void Process::OutputPipe::on_readable()
{
    const std::shared_ptr<OutputPipe> self = shared_from_this();  // the process may go inside on_output
    waiting_ = false;
    breath_.reset();
    if (!held_ && process_)
        hand_on();
    if (!waiting_ || breath_)
        readiness_.forget();
}

void Process::OutputPipe::hand_on()
{
    look(process_->exited_ ? Ask::end_too : Ask::amount);
    const std::size_t before = available();
    if (roomy())
        watch_for_a_rush(before);
    if (before > 0)
        process_->events_.on_output(stream_, shared_from_this());
    held_ = held_ || (before > 0 && available() == before);  // a sink that did nothing (it threw) would make us spin
    if (process_ && process_->exited_)
        process_->events_.on_output_changed();
    maybe_wait();
}

// Whoever waits for a pipe is woken by every write into it, and on a core shared with the child takes its place: 4 KiB, their
// frame and two switches, again and again, for as long as the scheduler thinks that we have slept enough (measured: a third of
// the time for a fifteenth of the bytes). So a child that fills half of a usual pipe between two looks gets a moment to fill its
// large one, unwatched. Not if that was found full: such a child is faster still, and would stand waiting.
void Process::OutputPipe::watch_for_a_rush(std::size_t found)
{
    const auto now = timers_.now();
    if (found >= rush)
        rushed_ = now;
    const bool rushing = found > 0 && found < grown_size && now - rushed_ < rush_remembered;
    next_look_ = rushing ? now + breath : now;
}

void Process::OutputPipe::wait_for_next_look()
{
    waiting_ = true;
    const auto left = roomy() ? next_look_ - timers_.now() : std::chrono::nanoseconds(0);
    if (left > std::chrono::nanoseconds(0))
        breath_ =
            timers_.after(std::chrono::ceil<std::chrono::microseconds>(left), std::bind_front(&OutputPipe::on_readable, this));
    else
        readiness_.wait_readable(&OutputPipe::on_readable);
}

// ---- input

// What the child does not take at once is kept, up to a mark. The pipe is non-blocking at our end only: the two ends are two
// open file descriptions.
class Process::InputPipe {
public:
    InputPipe(asio::io_context& io, Fd pipe, ProcessEvents& events)
        : pipe_(std::move(pipe)), events_(events), readiness_(std::in_place, io, pipe_.get(), *this)
    {
        ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
    }
    Outbox::Room write(ByteView bytes)
    {
        if (ended_)
            return Outbox::Room::more;
        if (kept_.empty())
            bytes = bytes.subspan(write_some(bytes));
        if (!closed_)
            kept_.insert(kept_.end(), bytes.begin(), bytes.end());
        full_ = kept_.size() >= input_mark;
        maybe_wait();
        return full_ ? Outbox::Room::full : Outbox::Room::more;
    }
    void end()
    {
        ended_ = true;
        maybe_close();
    }

private:
    std::size_t write_some(ByteView bytes)  // how many the child has, or will never have
    {
        if (closed_)
            return bytes.size();
        const ssize_t n = ::write(pipe_.get(), bytes.data(), bytes.size());
        closed_ = n < 0 && errno != EAGAIN && errno != EINTR;
        return closed_ ? bytes.size() : std::size_t(std::max<ssize_t>(n, 0));
    }
    void maybe_wait()
    {
        if (!kept_.empty() && !std::exchange(waiting_, true))
            readiness_->wait_writable(&InputPipe::on_writable);
    }
    void maybe_close()
    {
        if (!ended_ || !kept_.empty() || waiting_)
            return;
        closed_ = true;
        readiness_.reset();  // before the number it names is anybody else's
        pipe_ = Fd();
    }
    void on_writable()
    {
        waiting_ = false;
        const std::size_t count = write_some(kept_);
        kept_.erase(kept_.begin(), kept_.begin() + std::ptrdiff_t(count));
        maybe_wait();
        maybe_close();
        if (kept_.empty() && std::exchange(full_, false))
            events_.on_input_room();  // last: it may destroy us
    }

    Fd pipe_;
    ProcessEvents& events_;
    std::vector<std::byte> kept_;
    bool ended_ = false, closed_ = false, waiting_ = false, full_ = false;
    std::optional<Readiness<InputPipe>> readiness_;
};

// ---- the process

Result<std::unique_ptr<Process>> Process::spawn(asio::io_context& io, Timers& timers, Children& children, Chunk chunk,
                                                SpawnPlan plan, Input input, ProcessEvents& events, Outputs outputs)
{
    Result<Pipe> out = outputs.standard_output == To::pipe ? make_pipe() : Pipe{},
                 err = outputs.standard_error == To::pipe ? make_pipe() : Pipe{},
                 in = input == Input::pipe ? make_pipe() : Pipe{};
    for (Result<Pipe>* pipe : {&out, &err, &in})
        if (!*pipe)
            return std::move(pipe->error());
    plan.input = in->read.get();
    plan.output = out->write.get();
    plan.error = outputs.standard_error == To::standard_output ? plan.output : err->write.get();
    Result<Child> child = children.spawn(plan);
    if (!child)
        return std::move(child.error());

    std::unique_ptr<Process> process(new Process(children, std::move(*child), events));
    if (input == Input::pipe)
        process->in_ = std::make_unique<InputPipe>(io, std::move(in->write), events);
    if (out->read)
        process->out_ = std::make_shared<OutputPipe>(io, timers, std::move(out->read), chunk, Stream::out);
    if (err->read)
        process->err_ = std::make_shared<OutputPipe>(io, timers, std::move(err->read), chunk, Stream::err);
    for (OutputPipe* pipe : {process->out_.get(), process->err_.get()})
        if (pipe)
            pipe->start(*process);
    process->exit_->start(std::bind_front(&Process::on_exit, process.get()));
    return process;
}

Process::Process(Children& children, Child child, ProcessEvents& events)
    : children_(children), events_(events), exit_(std::make_unique<ExitWait>(children, std::move(child)))
{
}

Process::~Process()
{
    for (const std::shared_ptr<OutputPipe>& pipe : {out_, err_})
        if (pipe)
            pipe->let_go();
    if (!exit_)
        return;
    signal_group(SIGKILL);
    children_.bury(std::move(exit_));
}

Outbox::Room Process::input(ByteView bytes)
{
    return in_ ? in_->write(bytes) : Outbox::Room::more;
}

void Process::end_input()
{
    if (in_)
        in_->end();
}

void Process::hold_output(bool on)
{
    for (OutputPipe* pipe : {out_.get(), err_.get()})
        if (pipe)
            pipe->hold(on);
}

Process::Output Process::output() const
{
    return std::min(out_ ? out_->output() : Output::dry, err_ ? err_->output() : Output::dry);
}

void Process::signal_group(int number)
{
    killed_ = killed_ || number == SIGKILL;
    ::kill(-exit_->pid(), number);
}

void Process::on_exit()
{
    exited_ = true;
    for (OutputPipe* pipe : {out_.get(), err_.get()})
        if (pipe)
            pipe->on_leader_exit();
    events_.on_exit();
}

Result<ExitStatus> Process::reap()
{
    int status = 0;
    rusage usage{};
    const pid_t pid = exit_->pid();
    const Reaped reaped = exit_->reap(&status, &usage);
    exit_.reset();
    if (reaped != Reaped::now)
        return Error{Error::Kind::failed, {}, "the exit status is lost: something else in this process waits for all children"};
    ExitStatus result;
    result.how = WIFSIGNALED(status) ? ExitStatus::How::signaled : ExitStatus::How::exited;
    result.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    result.core = WIFSIGNALED(status) && WCOREDUMP(status);
    result.oom = WIFSIGNALED(status) && result.code == SIGKILL && !killed_ && killed_for_memory(pid, started_);
    result.wall = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_);
    result.usage = usage_of(usage);
    return result;
}

}  // namespace bellhop::os
