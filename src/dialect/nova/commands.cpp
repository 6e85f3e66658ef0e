// SPDX-License-Identifier: Apache-2.0
// All commands, and those that need nothing but the dialect itself.
#include "dialect/nova/command.hpp"
#include "dialect/nova/own_commands.hpp"

#include <bellhop/op/own_command.hpp>

#include <algorithm>

namespace bellhop::nova {
namespace {

void version(Call& call)
{
    call.answer(call.state().version);
}

void features(Call& call)
{
    std::string all;
    for (const std::string& name : command_names(call.state()))
        (all += all.empty() ? "" : ",") += name;
    call.answer(std::move(all));
}

constexpr Command commands[] = {
    {"features", &features},
    {"version", &version},
};

constexpr Command own{"", &call_own_command, &op::OwnCommand::info};  // of the operator

bool there(const Command& command, const State& state)
{
    return (!command.enabled || command.enabled(state.config)) &&
           (!command.needs || state.context.operations.allows(*command.needs, state.context));
}

}  // namespace

const Command* find_command(std::string_view name, const State& state)
{
    for (const Command& command : commands)
        if (command.name == name)
            return there(command, state) ? &command : nullptr;
    return there(own, state) ? &own : nullptr;
}

std::vector<std::string> command_names(const State& state)
{
    std::vector<std::string_view> all;
    for (const Command& command : commands)
        all.push_back(command.name);
    std::vector<std::string> names = own_command_names(state.context, std::move(all));
    for (const Command& command : commands)
        if (there(command, state))
            names.emplace_back(command.name);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace bellhop::nova
