// SPDX-License-Identifier: Apache-2.0
// All commands, and those that need nothing but the dialect itself.
#include "dialect/nova/command.hpp"

namespace bellhop::nova {
namespace {

void version(Call& call)
{
    call.answer(call.state().version);
}

void features(Call& call)
{
    std::string all;
    for (const std::string_view name : command_names(call.state()))
        (all += all.empty() ? "" : ",") += name;
    call.answer(std::move(all));
}

constexpr Command commands[] = {
    {"features", &features},
    {"version", &version},
};

bool there(const Command& command, const State& state)
{
    return (!command.enabled || command.enabled(state.config)) &&
           (!command.needs || state.context.operations.allows(*command.needs, state.context));
}

}  // namespace

const Command* find_command(std::string_view name, const State& state)
{
    for (const Command& command : commands)
        if (command.name == name && there(command, state))
            return &command;
    return nullptr;
}

std::vector<std::string_view> command_names(const State& state)
{
    std::vector<std::string_view> names;
    for (const Command& command : commands)
        if (there(command, state))
            names.push_back(command.name);
    return names;
}

}  // namespace bellhop::nova
