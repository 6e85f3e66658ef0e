// SPDX-License-Identifier: Apache-2.0
// A command of the qga dialect is a row and a function. The function reads its arguments, checks them
// (`call.refused(arguments)`), asks operations, and answers once: at once, or later from what an operation reports.
//
// A Call belongs to the dialect, not to the connection: what was begun goes on when the asker hangs up, and its answer is dropped
// then. Answering destroys the Call, so it is the last thing that is done with it.
#pragma once
#include "dialect/qga/arguments.hpp"

#include <bellhop/context.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace bellhop::qga {

constexpr std::int64_t longest_time = std::int64_t(366) * 86'400'000;  // ms: of a time limit

class Session;
struct State;

// An answer that is made piece by piece as its peer takes it: the JSON text behind {"return": .
class LongAnswer {
public:
    virtual ~LongAnswer() = default;
    virtual bool next(std::string& out) = 0;  // appends about 64 KiB; false: that was the last
};

class Call {
public:
    Call(State& state, Session* asker, std::shared_ptr<const Context> context, const struct Command& command, json::Value id)
        : state_(state), asker_(asker), context_(std::move(context)), command_(command), id_(std::move(id))
    {
    }
    Call(const Call&) = delete;

    State& state() { return state_; }
    // On whose behalf: the asker's peer; operations, timers, barrier and memory budget are the dialect's own, which outlive
    // links.
    const Context& context() const { return *context_; }
    bool asked_by_libvirt() const { return plain_sync_; }  // a peer that synchronised by plain guest-sync: lines up to 10 MiB
    void hold(std::unique_ptr<Lease> lease) { lease_ = std::move(lease); }

    // The operation's answer, whenever it comes. `then` answers the call.
    template <class Op> void ask(typename Op::Request request, std::function<void(Call&, Result<typename Op::Answer>)> then)
    {
        auto lease = context_->operations.ask<Op>(
            *context_, std::move(request), [this, then](Result<typename Op::Answer> answer) { then(*this, std::move(answer)); });
        if (!lease)
            return then(*this, std::move(lease.error()));
        hold(std::move(*lease));
    }

    // Each of these is the last; the Call is gone when it returns.
    void answer(json::Value);
    void answer(std::unique_ptr<LongAnswer>);
    void done();  // {}, or silence where that is the answer
    void fail(std::string desc, std::string_view error_class = "GenericError");
    bool refused(Arguments&);  // true: something was wrong with them, and that was the answer

private:
    friend class Session;
    void start(json::Members arguments);
    std::unique_ptr<Call> leave();

    State& state_;
    Session* asker_;  // nullptr: it is gone
    std::shared_ptr<const Context> context_;
    const Command& command_;
    json::Value id_;  // null and !has_id_: there was none
    bool has_id_ = false, plain_sync_ = false, delimited_ = false;
    std::unique_ptr<Lease> lease_;
};

struct Command {
    enum class Answers { always, failures };  // failures: success is silence
    enum class Frozen { refused, allowed };   // while file systems are frozen
    std::string_view name;
    void (*start)(Call&, Arguments&);
    const OperationInfo* needs = nullptr;  // policy decides by it whether the command is enabled
    Answers answers = Answers::always;
    Frozen frozen = Frozen::refused;
};

// One list a source file; commands.cpp puts them together.
std::span<const Command> account_commands();
std::span<const Command> core_commands();
std::span<const Command> device_commands();
std::span<const Command> disk_commands();
std::span<const Command> exec_commands();
std::span<const Command> exec_extensions();
std::span<const Command> file_commands();
std::span<const Command> file_extensions();
std::span<const Command> freeze_commands();
std::span<const Command> host_commands();
std::span<const Command> network_commands();
std::span<const Command> own_commands();
std::span<const Command> power_commands();
std::span<const Command> time_commands();

const Command* find_command(std::string_view name);
std::vector<const Command*> all_commands();  // sorted by name
// Why this asker cannot have it now: the desc of a CommandNotFound. Nothing: he can.
std::optional<std::string> disabled(const Command&, State&, const Context&);

}  // namespace bellhop::qga
