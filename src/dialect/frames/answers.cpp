// SPDX-License-Identifier: Apache-2.0
// docs/dialects/frames.md, "run". A host ignores members it does not know, so the whole truth about
// an exit is told.
#include "dialect/frames/answers.hpp"

#include "base/os_text.hpp"
#include "framing/tag_length.hpp"

#include <array>

namespace bellhop::frames {
namespace {

constexpr std::array<const char*, 14> count_names = {"ru_maxrss", "ru_ixrss",    "ru_idrss",   "ru_isrss",   "ru_minflt",
                                                     "ru_majflt", "ru_nswap",    "ru_inblock", "ru_oublock", "ru_msgsnd",
                                                     "ru_msgrcv", "ru_nsignals", "ru_nvcsw",   "ru_nivcsw"};

json::Value usage_members(const ResourceUsage& usage)
{
    json::Members members;
    members.reserve(2 + count_names.size());
    members.emplace_back("ru_utime", double(usage.user.count()) / 1e6);
    members.emplace_back("ru_stime", double(usage.system.count()) / 1e6);
    for (std::size_t i = 0; i < count_names.size(); ++i)
        members.emplace_back(count_names[i], std::int64_t(usage.counts[i]));
    return members;
}

}  // namespace

json::Value exit_answer(const ExitStatus& status)
{
    const bool signaled = status.how == ExitStatus::How::signaled;
    const int code = signaled ? -status.code : status.code;
    json::Members members;
    members.reserve(9);
    members.emplace_back("ok", true);
    members.emplace_back("op", "exit");
    members.emplace_back("exit_code", code);
    if (signaled)
        members.emplace_back("signal", status.code);
    members.emplace_back("core", status.core);
    members.emplace_back("oom", status.oom);
    members.emplace_back("pipes_open", status.pipes_open);
    members.emplace_back("duration_ms", std::int64_t(status.wall.count() / 1000));
    members.emplace_back("rusage", usage_members(status.usage));
    return members;
}

json::Value timeout_answer(double seconds)
{
    return json::Members{{"ok", true}, {"op", "timeout"}, {"timeout", seconds}};
}

json::Value error_answer(std::string text)
{
    return json::Members{{"ok", false}, {"error", std::move(text)}};
}

json::Value call_answer(op::OwnCommand::Answer answer)
{
    json::Members members{{"ok", true}, {"op", "call"}, {"code", answer.code}};
    if (answer.code != 0)
        members.emplace_back("stderr", std::move(answer.complaint));
    Result<json::Value> value = answer.json ? json::parse(std::move(answer.out)) : json::Value(std::move(answer.out));
    members.emplace_back("out", value ? std::move(*value) : json::Value());
    return members;
}

json::Value info_answer(const op::Info::Answer& info)
{
    json::Array dialects, operations;
    for (const std::string& name : info.dialects)
        dialects.emplace_back(name);
    for (const Operations::Listed& one : info.operations)
        operations.emplace_back(json::Members{{"name", one.info->name}, {"enabled", one.enabled}});
    json::Array commands;
    for (const std::string& name : info.own_commands)
        commands.emplace_back(name);
    json::Members os;
    for (const auto& [name, value] : info.os_release)
        os.emplace_back(name, value);
    os.emplace_back("kernel", info.kernel);
    os.emplace_back("machine", info.machine);
    const auto seconds = [](std::chrono::milliseconds time) { return double(time.count()) / 1000; };
    return json::Members{{"ok", true},
                         {"op", "info"},
                         {"agent", "bellhop"},
                         {"agent_version", info.version},
                         {"dialects", std::move(dialects)},
                         {"operations", std::move(operations)},
                         {"commands", std::move(commands)},
                         {"os", std::move(os)},
                         {"limits", json::Members{{"connections", std::uint64_t(info.limits.connections)},
                                                  {"runs", std::uint64_t(info.limits.runs)},
                                                  {"frame_bytes", std::uint64_t(info.limits.frame)},
                                                  {"buffered_bytes", std::uint64_t(info.limits.buffered)},
                                                  {"idle_seconds", seconds(info.limits.idle)},
                                                  {"stall_seconds", seconds(info.limits.stall)}}},
                         {"uptime_ms", std::int64_t(info.uptime.count())},
                         {"memory_kib", info.memory_kib}};
}

std::string frame_of(const json::Value& value)
{
    const std::string text = value.text();
    const auto header = tag_length::header(tag_length::Tag::json, text.size());
    return std::string(text_of(header)) + text;
}

std::string host_text(const Error& error)
{
    return error.os ? "[Errno " + std::to_string(error.os.value()) + "] " + os_text(error.os) : error.text;
}

std::string quoted(std::string text)
{
    constexpr std::size_t enough = 4096;
    if (text.size() > enough) {
        text.resize(enough);  // a character cut in two leaves as U+FFFD
        text += "...";
    }
    return text;
}

std::string text_of_value(const json::Value& value)
{
    return value.string() ? *value.string() : value.text();
}

}  // namespace bellhop::frames
