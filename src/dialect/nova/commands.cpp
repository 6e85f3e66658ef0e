// SPDX-License-Identifier: Apache-2.0
// All commands, and those that need nothing but the dialect itself.
#include "dialect/nova/command_rows.hpp"

#include "base/heap_sort.hpp"
#include "dialect/nova/own_commands.hpp"

#include <bellhop/op/own_command.hpp>

namespace bellhop::nova {
namespace {

void version(Call& call)
{
    call.answer(call.state().version);
}

void features(Call& call)  // whole names: half of one would be another
{
    std::string all;
    for (const std::string& name : command_names(call.state()))
        if (all.size() + 1 + name.size() <= longest_plain_message)
            (all += all.empty() ? "" : ",") += name;
    call.answer(std::move(all));
}

constexpr Command core[] = {
    {"features", &features},
    {"version", &version},
};

constexpr std::span<const Command> (*groups[])() = {&core_commands, &file_commands, &kms_commands, &password_commands};

constexpr Command own{"", &call_own_command, &op::OwnCommand::info};  // of the operator

bool there(const Command& command, const State& state)
{
    return (!command.enabled || command.enabled(state.config)) &&
           (!command.needs || state.context.operations.allows(*command.needs, state.context));
}

}  // namespace

std::span<const Command> core_commands()
{
    return core;
}

const Command* find_command(std::string_view name, const State& state)
{
    for (const auto group : groups)
        for (const Command& command : group())
            if (command.name == name)
                return there(command, state) ? &command : nullptr;
    return there(own, state) ? &own : nullptr;
}

std::vector<std::string> command_names(const State& state)
{
    std::vector<std::string_view> all;
    std::vector<std::string> names;
    for (const auto group : groups)
        for (const Command& command : group()) {
            all.push_back(command.name);
            if (there(command, state))
                names.emplace_back(command.name);
        }
    heap_sort(names);
    for (std::string& name : own_command_names(state.context, std::move(all)))
        names.push_back(std::move(name));
    return names;
}

}  // namespace bellhop::nova
