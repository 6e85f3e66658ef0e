// SPDX-License-Identifier: Apache-2.0
// pipe(7), fork(2), prctl(2).
#include "op/in_child.hpp"

#include "os/children.hpp"
#include "os/errors.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace bellhop::op {
namespace {

constexpr std::size_t longest_answer = 16 << 20;

void tell(int pipe, const Result<json::Value>& found)
{
    const std::string text = found ? json::Value(json::Members{{"found", *found}}).text()
                                   : json::Value(json::Members{{"kind", int(found.error().kind)},
                                                               {"errno", found.error().os.value()},
                                                               {"text", found.error().text}})
                                         .text();
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t n = ::write(pipe, text.data() + at, text.size() - at);
        if (n < 0 && errno != EINTR)
            return;
        at += n > 0 ? std::size_t(n) : 0;
    }
}

Result<json::Value> understood(std::string text)
{
    Result<json::Value> answer = json::parse(std::move(text));
    if (!answer)
        return Error{Error::Kind::failed, {}, "the helper process ended without an answer"};
    if (const json::Value* found = answer->find("found"))
        return *found;
    Error error;
    if (const std::int64_t* kind = (*answer)["kind"].integer())
        error.kind = Error::Kind(*kind);
    if (const std::int64_t* code = (*answer)["errno"].integer(); code && *code)
        error.os = {int(*code), std::system_category()};
    if (const std::string* sentence = (*answer)["text"].string())
        error.text = *sentence;
    return error;
}

class Task final : public Lease {
public:
    Task(Guest& guest, const Context& context, os::Child child, Fd pipe, std::function<void(Result<json::Value>)> then)
        : guest_(guest), barrier_(context.barrier), exit_(std::make_unique<os::ExitWait>(guest.children, std::move(child))),
          pipe_(std::move(pipe)), then_(std::move(then)), readiness_(guest.io, pipe_.get(), *this)
    {
        readiness_.wait_readable(&Task::on_readable);
    }
    ~Task() override { give_up(); }
    void limit(Timers& timers, std::chrono::milliseconds most)
    {
        timer_ = timers.after(most, [this, most] {
            give_up();
            end(Error{Error::Kind::timed_out, {}, "it took longer than " + std::to_string(most.count() / 1000) + " s"});
        });
    }

private:
    void on_readable()
    {
        for (;;) {
            const ssize_t n = ::read(pipe_.get(), guest_.chunk.data(), guest_.chunk.size());
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0 && errno == EAGAIN)
                return readiness_.wait_readable(&Task::on_readable);
            if (n > 0 && text_.size() + std::size_t(n) <= longest_answer) {
                text_ += text_of(ByteView(guest_.chunk).first(std::size_t(n)));
                continue;
            }
            if (n > 0)
                text_.clear();  // it cannot be understood without its rest
            guest_.children.bury(std::move(exit_));
            return end(understood(std::move(text_)));
        }
    }
    void give_up()
    {
        if (!exit_)
            return;
        ::kill(-exit_->pid(), SIGKILL);
        ::kill(exit_->pid(), SIGKILL);  // it may not have got as far as a group of its own
        guest_.children.bury(std::move(exit_));
    }
    void end(Result<json::Value> found)  // last: it may destroy us
    {
        timer_.reset();
        if (const auto then = std::exchange(then_, nullptr))
            barrier_.enter(then, std::move(found));
    }

    Guest& guest_;
    Barrier& barrier_;
    std::unique_ptr<os::ExitWait> exit_;
    Fd pipe_;
    std::string text_;
    std::function<void(Result<json::Value>)> then_;
    std::unique_ptr<Timer> timer_;
    os::Readiness<Task> readiness_;
};

}  // namespace

Result<std::unique_ptr<Lease>> in_child(Guest& guest, const Context& context, std::chrono::milliseconds limit,
                                        std::function<Result<json::Value>()> work, std::function<void(Result<json::Value>)> then)
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0)
        return os::failure("no pipe for a helper process");
    Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
    Result<os::Child> child = guest.children.fork(theirs.get(), guest.facts.config.plain_oom_score, [&work](int pipe) {
        ::prctl(PR_SET_DUMPABLE, 0);
        tell(pipe, work());
    });
    if (!child)
        return std::move(child.error());
    auto task = std::make_unique<Task>(guest, context, std::move(*child), std::move(ours), std::move(then));
    task->limit(context.timers, limit);
    return task;
}

}  // namespace bellhop::op
