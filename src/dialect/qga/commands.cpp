// SPDX-License-Identifier: Apache-2.0
// All commands, and those that need nothing but the dialect itself.
#include "dialect/qga/state.hpp"

#include "base/heap_sort.hpp"

#include <algorithm>

namespace bellhop::qga {
namespace {

using Frozen = Command::Frozen;
constexpr auto always = Command::Answers::always;

void guest_sync(Call& call, Arguments& arguments)
{
    const std::int64_t id = arguments.integer("id");
    if (!call.refused(arguments))
        call.answer(id);
}

void guest_ping(Call& call, Arguments& arguments)
{
    if (!call.refused(arguments))
        call.done();
}

void guest_info(Call& call, Arguments& arguments)
{
    if (call.refused(arguments))
        return;
    json::Array supported;
    for (const Command* command : all_commands())
        supported.push_back(json::Members{{"enabled", !disabled(*command, call.state(), call.context())},
                                          {"name", command->name},
                                          {"success-response", command->answers == always}});
    call.answer(json::Members{{"version", call.state().version}, {"supported_commands", std::move(supported)}});
}

constexpr Command core[] = {
    {"guest-info", &guest_info, nullptr, always, Frozen::allowed},
    {"guest-ping", &guest_ping, nullptr, always, Frozen::allowed},
    {"guest-sync", &guest_sync, nullptr, always, Frozen::allowed},
    {"guest-sync-delimited", &guest_sync, nullptr, always, Frozen::allowed},
};

constexpr std::span<const Command> (*groups[])() = {&account_commands, &core_commands,  &device_commands, &disk_commands,
                                                    &exec_commands, &exec_extensions,    &file_commands, &file_extensions,  &freeze_commands, &host_commands,
                                                    &network_commands, &own_commands, &power_commands, &time_commands};

bool lists(const std::vector<std::string>& names, std::string_view name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::span<const Command> core_commands()
{
    return core;
}

const Command* find_command(std::string_view name)
{
    for (const auto group : groups)
        for (const Command& command : group())
            if (command.name == name)
                return &command;
    return nullptr;
}

std::vector<const Command*> all_commands()
{
    std::vector<const Command*> all;
    for (const auto group : groups)
        for (const Command& command : group())
            all.push_back(&command);
    heap_sort(all, [](const Command* a, const Command* b) { return a->name < b->name; });
    return all;
}

std::optional<std::string> disabled(const Command& command, State& state, const Context& asker)
{
    if (state.frozen && command.frozen == Frozen::refused)
        return "the agent is in frozen state";
    const Qga& rules = state.config.qga;
    if (lists(rules.block_rpcs, command.name) || (rules.allow_rpcs && !lists(*rules.allow_rpcs, command.name)))
        return "the command is not allowed";
    if (command.needs && !asker.operations.allows(*command.needs, asker))
        return "the command is not allowed";
    return std::nullopt;
}

}  // namespace bellhop::qga
