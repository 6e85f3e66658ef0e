// SPDX-License-Identifier: Apache-2.0
// A running child, its two outputs and, if asked for, its input. Reports what the kernel says; when that amounts to "it is over"
// is for the operation.
//
// The leader is not reaped until reap(): while it is a zombie nobody else can get its process group's number, so the group can
// be signalled safely during the grace in which grandchildren still write.
#pragma once
#include "os/children.hpp"

#include <bellhop/operation.hpp>
#include <bellhop/timers.hpp>

namespace bellhop::os {

class ProcessEvents {  // from the loop only; destroying the Process inside any of them is allowed
public:
    virtual ~ProcessEvents() = default;
    virtual void on_output(Stream, const std::shared_ptr<Source>&) = 0;
    virtual void on_input_room() {}
    virtual void on_exit() = 0;            // the leader is gone
    virtual void on_output_changed() = 0;  // after on_exit: output() may have a new answer
};

class Process {
public:
    // owed: bytes the leader wrote before it went are still ours. open: none, but someone holds a pipe. dry: both at their end.
    enum class Output { owed, open, dry };
    enum class Input { none, pipe };
    enum class To { pipe, null, standard_output };
    struct Outputs {
        To standard_output, standard_error;
    };

    static Result<std::unique_ptr<Process>> spawn(asio::io_context&, Timers&, Children&, Chunk, SpawnPlan, Input, ProcessEvents&,
                                                  Outputs = {To::pipe, To::pipe});
    ~Process();  // not reaped: kills the group and has the leader buried

    Outbox::Room input(ByteView);  // what a child that closed its input does not take is dropped
    void end_input();
    void hold_output(bool);
    Output output() const;
    std::int64_t pid() const { return exit_->pid(); }
    void signal_group(int number);
    Result<ExitStatus> reap();  // once, after on_exit

private:
    class InputPipe;
    class OutputPipe;
    Process(Children&, Child, ProcessEvents&);
    void on_exit();

    Children& children_;
    ProcessEvents& events_;
    bool exited_ = false, killed_ = false;
    std::unique_ptr<ExitWait> exit_;
    std::unique_ptr<InputPipe> in_;
    std::shared_ptr<OutputPipe> out_, err_;  // those that are pipes
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace bellhop::os
