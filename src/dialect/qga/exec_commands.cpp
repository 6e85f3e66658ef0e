// SPDX-License-Identifier: Apache-2.0
// guest-exec and guest-exec-status.
#include "base/base64.hpp"
#include "base/os_text.hpp"
#include "dialect/qga/exec.hpp"
#include "dialect/qga/files.hpp"

#include <algorithm>

namespace bellhop::qga {
namespace {

using Output = op::Run::Output;

struct Capture {
    Output standard_output = Output::discarded, standard_error = Output::discarded;
};

Capture capture_of(Arguments& arguments)
{
    static constexpr std::pair<std::string_view, Capture> modes[] = {
        {"none", {}},
        {"stdout", {Output::streamed, Output::discarded}},
        {"stderr", {Output::discarded, Output::streamed}},
        {"separated", {Output::streamed, Output::streamed}},
        {"merged", {Output::streamed, Output::with_stdout}},
    };
    const std::optional<json::Value> mode = arguments.maybe_any("capture-output");
    if (!mode)
        return {};
    if (const bool* captured = mode->boolean())
        return *captured ? Capture{Output::streamed, Output::streamed} : Capture{};
    if (const std::string* name = mode->string()) {
        for (const auto& [known, capture] : modes)
            if (known == *name)
                return capture;
        arguments.bad_value("capture-output", *name);
    } else
        arguments.bad_type("capture-output", "GuestExecCaptureOutput");
    return {};
}

void guest_exec(Call& call, Arguments& arguments)
{
    op::Run::Request request;
    const std::string path = arguments.string("path");
    request.argv = {path};
    for (std::string& word : arguments.maybe_strings("arg").value_or(std::vector<std::string>()))
        request.argv.push_back(std::move(word));
    if (auto variables = arguments.maybe_strings("env")) {
        request.environment = std::move(*variables);
        request.environment_is = op::Run::Environment::instead;
    }
    std::optional<std::string> input = arguments.maybe_string("input-data");
    const Capture capture = capture_of(arguments);
    if (call.refused(arguments))
        return;
    if (const auto why = input ? base64::decode(*input) : std::nullopt)
        return call.fail(*why);
    if (has_zero_byte(request.argv) || has_zero_byte(request.environment))
        return call.fail("a zero byte cannot be in 'path', 'arg' or 'env'");
    request.input = input ? op::Run::Input::given : op::Run::Input::none;
    request.standard_output = capture.standard_output;
    request.standard_error = capture.standard_error;
    request.grace = call.state().config.grace;

    Execs& execs = execs_of(call.state());
    auto exec = std::make_unique<Exec>(execs, call.context().memory, Exec::Overflow::drop, Exec::Input::at_once);
    if (Status begun = exec->start(call.context(), std::move(request), std::move(input).value_or(std::string())); !begun)
        return call.fail(start_failure(path, begun.error()));
    const std::int64_t pid = exec->pid();
    execs.by_pid[pid] = std::move(exec);
    call.answer(json::Members{{"pid", pid}});
}

// ---- the result

void write_output(Parts& answer, const Exec::Output& output, std::string_view name, std::size_t most)
{
    const std::size_t size = output.bytes->size();
    if (size == 0)
        return;
    answer.text(", \"" + std::string(name) + "-data\": ");
    answer.base64(output.bytes, output.bytes->begin(), std::min(size, most));
    const bool truncated = output.truncated || size > most;
    answer.text(", \"" + std::string(name) + "-truncated\": " + (truncated ? "true" : "false"));
}

void guest_exec_status(Call& call, Arguments& arguments)
{
    const std::int64_t pid = arguments.integer("pid");
    if (call.refused(arguments))
        return;
    Exec* exec = execs_of(call.state()).find(pid);
    if (!exec)
        return call.fail("PID " + std::to_string(pid) + " does not exist");
    if (!exec->over())
        return call.answer(json::Members{{"exited", false}});
    exec->fetched(call.state().own.timers);
    auto answer = std::make_unique<Parts>(call.state().spare);
    answer->text("{\"exited\": true");
    if (const Result<ExitStatus>& end = exec->end()) {
        const bool exited = end->how == ExitStatus::How::exited;
        answer->text((exited ? ", \"exitcode\": " : ", \"signal\": ") + std::to_string(end->code));
    }
    const Exec::Output &out = exec->output(Stream::out), &err = exec->output(Stream::err);
    // The one that is short leaves its share to the other.
    const std::size_t most = call.asked_by_libvirt() ? most_for_libvirt : std::size_t(-1);
    const std::size_t most_out = most - std::min(err.bytes->size(), most / 2);
    write_output(*answer, out, "out", most_out);
    write_output(*answer, err, "err", most - std::min(out.bytes->size(), most_out));
    exec->fetched_to_end(Stream::out);
    exec->fetched_to_end(Stream::err);
    answer->text("}");
    call.answer(std::move(answer));
}

}  // namespace

bool has_zero_byte(const std::vector<std::string>& words)
{
    return std::any_of(words.begin(), words.end(), [](const std::string& word) { return word.find('\0') != word.npos; });
}

// As GLib says it, quotation marks and all.
std::string start_failure(const std::string& path, const Error& error)
{
    if (error.os && error.text.starts_with("exec "))
        return "Failed to execute child process \u201C" + path + "\u201D (" + os_text(error.os) + ")";
    return error.text;
}

std::span<const Command> exec_commands()
{
    static constexpr Command commands[] = {
        {"guest-exec", &guest_exec, &op::Run::info},
        {"guest-exec-status", &guest_exec_status, &op::Run::info},
    };
    return commands;
}

}  // namespace bellhop::qga
