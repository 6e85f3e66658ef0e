// SPDX-License-Identifier: Apache-2.0
// The commands that clients have started, and for a while those that are over. They belong to the agent: no hang-up ends them.
#pragma once
#include "base/spool.hpp"
#include "dialect/qga/state.hpp"

#include <bellhop/budget.hpp>
#include <bellhop/op/run.hpp>

#include <array>
#include <map>
#include <optional>

namespace bellhop::qga {

struct Execs;

class Exec final : public JobSink {
public:
    // drop: what is more than most_kept is lost, as in qemu-ga. hold: the command waits until somebody has read.
    enum class Overflow { drop, hold };
    enum class Input { at_once, stays_open };           // stays_open: what start() is given is the first of it
    static constexpr std::size_t most_kept = 16 << 20;  // of each output

    struct Output {
        std::shared_ptr<Spool> bytes = std::make_shared<Spool>();
        bool truncated = false, told = false;  // told: to its last byte
        bool is_told() const { return told || bytes->size() == 0; }
    };

    Exec(Execs& all, Budget& memory, Overflow overflow, Input input)
        : all_(all), memory_(memory), overflow_(overflow), open_input_(input == Input::stays_open)
    {
    }
    ~Exec() override;
    Status start(const Context&, op::Run::Request, std::string input);
    std::int64_t pid() const { return pid_; }
    Job* job() { return job_.get(); }  // nullptr: it is over
    bool over() const { return end_.has_value(); }
    const Result<ExitStatus>& end() const { return *end_; }
    const Output& output(Stream stream) const { return outputs_[std::size_t(stream)]; }
    void forget_before(Stream, std::uint64_t offset);
    // Of one that is over: a part of its result was told, and is kept for a while only from the last time on.
    void fetched(Timers&);
    void fetched_to_end(Stream stream) { outputs_[std::size_t(stream)].told = true; }
    bool was_fetched() const { return expiry_ && outputs_[0].is_told() && outputs_[1].is_told(); }  // all of it
    std::uint64_t order() const { return order_; }                                                  // in which they ended

    // While it runs, and its input stays open.
    bool takes_input() const { return job_ && open_input_; }
    bool input(std::string bytes);  // false: it has yet to take what it was given before; nothing was taken
    void end_input();

private:
    void on_output(Stream, const std::shared_ptr<Source>&) override;
    void on_input_room() override;
    void on_leader_exit() override;
    void on_end(Result<ExitStatus>) override;
    void feed();
    std::size_t kept() const { return outputs_[0].bytes->size() + outputs_[1].bytes->size(); }

    Execs& all_;
    Budget::Share memory_;  // for input_
    const Overflow overflow_;
    std::int64_t pid_ = 0;
    std::array<Output, 2> outputs_;
    std::string input_;  // what the command has not taken yet begins at input_taken_
    std::size_t input_taken_ = 0;
    bool input_full_ = false, open_input_, held_ = false, leader_exited_ = false;
    std::optional<Result<ExitStatus>> end_;
    std::uint64_t order_ = 0;
    std::unique_ptr<Timer> expiry_;
    std::unique_ptr<Job> job_;  // last: dropping it kills what still runs
};

struct Execs {
    std::map<std::int64_t, std::unique_ptr<Exec>> by_pid;
    std::size_t kept = 0;     // bytes of output of all
    std::size_t results = 0;  // how many are over
    std::uint64_t ended = 0;  // and ever were

    Exec* find(std::int64_t pid);
    std::size_t room(std::size_t wanted);  // for more output, perhaps at the cost of the oldest results
    void on_over(const Exec&);

private:
    bool drop_oldest(const Exec* except);  // result: those that were fetched go first
};
Execs& execs_of(State&);

bool has_zero_byte(const std::vector<std::string>& words);
std::string start_failure(const std::string& path, const Error&);

}  // namespace bellhop::qga
