// SPDX-License-Identifier: Apache-2.0
// bellhop-exec*: what guest-exec lacks, and still one answer to one request. docs/dialects/qga-extensions.md.
// Reading is by offset, and an offset says that everything before it has arrived: it is forgotten, and a command that has filled
// its 16 MiB goes on.
#include "base/base64.hpp"
#include "dialect/qga/exec.hpp"
#include "dialect/qga/files.hpp"

#include <algorithm>

namespace bellhop::qga {
namespace {

// nullptr: there is none, and that was the answer.
Exec* exec_of(Call& call, std::int64_t pid)
{
    Exec* exec = execs_of(call.state()).find(pid);
    if (!exec)
        call.fail("PID " + std::to_string(pid) + " does not exist");
    return exec;
}

void bellhop_exec(Call& call, Arguments& arguments)
{
    op::Run::Request request;
    const std::string path = arguments.string("path");
    request.argv = {path};
    for (std::string& word : arguments.maybe_strings("arg").value_or(std::vector<std::string>()))
        request.argv.push_back(std::move(word));
    request.environment = arguments.maybe_strings("env").value_or(std::vector<std::string>());
    if (!arguments.maybe_boolean("inherit-env").value_or(true))
        request.environment_is = op::Run::Environment::instead;
    request.directory = arguments.maybe_string("cwd").value_or("");
    request.user = arguments.maybe_string("user");
    const std::int64_t limit = arguments.maybe_integer("time-limit-ms").value_or(0);
    const bool input = arguments.maybe_boolean("input").value_or(false);
    const bool merged = arguments.maybe_boolean("merge").value_or(false);
    if (call.refused(arguments))
        return;
    if (limit < 0 || limit > longest_time)
        return call.fail("value '" + std::to_string(limit) + "' is invalid for argument time-limit-ms");
    if (has_zero_byte(request.argv) || has_zero_byte(request.environment) || has_zero_byte({request.directory}))
        return call.fail("a zero byte cannot be in 'path', 'arg', 'env' or 'cwd'");
    request.time_limit = std::chrono::milliseconds(limit);
    request.input = input ? op::Run::Input::given : op::Run::Input::none;
    request.standard_error = merged ? op::Run::Output::with_stdout : op::Run::Output::streamed;
    request.grace = call.state().config.grace;

    auto exec = std::make_unique<Exec>(execs_of(call.state()), call.context().memory, Exec::Overflow::hold,
                                       input ? Exec::Input::stays_open : Exec::Input::at_once);
    if (Status begun = exec->start(call.context(), std::move(request), {}); !begun)
        return call.fail(start_failure(path, begun.error()));
    const std::int64_t pid = exec->pid();
    execs_of(call.state()).by_pid[pid] = std::move(exec);
    call.answer(json::Members{{"pid", pid}});
}

std::string end_of(const Exec& exec)
{
    if (!exec.over())
        return ", \"exited\": false}";
    std::string text = ", \"exited\": true";
    if (const Result<ExitStatus>& end = exec.end()) {
        text += (end->how == ExitStatus::How::exited ? ", \"exitcode\": " : ", \"signal\": ") + std::to_string(end->code);
        if (end->how == ExitStatus::How::timed_out)
            text += ", \"timed-out\": true";
    }
    return text + "}";
}

void bellhop_exec_read(Call& call, Arguments& arguments)
{
    const std::int64_t pid = arguments.integer("pid");
    const std::size_t stream = arguments.maybe_choice("stream", {"stdout", "stderr"}).value_or(0);
    const std::int64_t offset = arguments.maybe_integer("offset").value_or(0);
    std::int64_t count = arguments.maybe_integer("count").value_or(64 << 10);
    if (call.refused(arguments))
        return;
    Exec* exec = exec_of(call, pid);
    if (!exec)
        return;
    const Stream which = stream == 0 ? Stream::out : Stream::err;
    const Exec::Output& output = exec->output(which);
    if (offset < 0 || std::uint64_t(offset) < output.bytes->begin() || std::uint64_t(offset) > output.bytes->end())
        return call.fail("value '" + std::to_string(offset) + "' is invalid for argument offset");
    if (count < 0 || count > most_count)
        return call.fail("value '" + std::to_string(count) + "' is invalid for argument count");
    if (call.asked_by_libvirt())
        count = std::min(count, std::int64_t(most_for_libvirt));
    exec->forget_before(which, std::uint64_t(offset));
    const std::size_t size = std::min(std::size_t(count), output.bytes->size());
    const bool eof = exec->over() && size == output.bytes->size();
    if (exec->over())
        exec->fetched(call.state().own.timers);
    if (eof)
        exec->fetched_to_end(which);
    auto answer = std::make_unique<Parts>(call.state().spare);
    answer->text("{\"buf-b64\": ");
    answer->base64(output.bytes, std::uint64_t(offset), size);
    answer->text(", \"offset\": " + std::to_string(offset) + ", \"count\": " + std::to_string(size) +
                 ", \"eof\": " + (eof ? "true" : "false") + (output.truncated ? ", \"truncated\": true" : "") + end_of(*exec));
    call.answer(std::move(answer));
}

void bellhop_exec_write(Call& call, Arguments& arguments)
{
    const std::int64_t pid = arguments.integer("pid");
    std::string bytes = arguments.maybe_string("buf-b64").value_or("");
    const bool end = arguments.maybe_boolean("end").value_or(false);
    if (call.refused(arguments))
        return;
    Exec* exec = exec_of(call, pid);
    if (!exec)
        return;
    if (const auto why = base64::decode(bytes))
        return call.fail(*why);
    if (!exec->takes_input())
        return call.fail("command " + std::to_string(pid) + " takes no input");
    const std::size_t size = bytes.size();
    const bool taken = exec->input(std::move(bytes));
    if (taken && end)
        exec->end_input();
    call.answer(json::Members{{"count", std::int64_t(taken ? size : 0)}, {"busy", !taken}});
}

void bellhop_exec_signal(Call& call, Arguments& arguments)
{
    const std::int64_t pid = arguments.integer("pid"), number = arguments.integer("signal");
    if (call.refused(arguments))
        return;
    Exec* exec = exec_of(call, pid);
    if (!exec)
        return;
    if (number < 1 || number > 64)
        return call.fail("value '" + std::to_string(number) + "' is invalid for argument signal");
    if (!exec->job())
        return call.fail("command " + std::to_string(pid) + " is over");
    if (Status sent = exec->job()->signal(int(number)); !sent)
        return call.fail(reason(sent.error()));
    call.done();
}

}  // namespace

std::span<const Command> exec_extensions()
{
    static constexpr Command commands[] = {
        {"bellhop-exec", &bellhop_exec, &op::Run::info},
        {"bellhop-exec-read", &bellhop_exec_read, &op::Run::info},
        {"bellhop-exec-signal", &bellhop_exec_signal, &op::Run::info},
        {"bellhop-exec-write", &bellhop_exec_write, &op::Run::info},
    };
    return commands;
}

}  // namespace bellhop::qga
