// SPDX-License-Identifier: Apache-2.0
// The commands of the guest's operator, under their own names. docs/own-commands.md
#include "dialect/nova/own_commands.hpp"

#include "dialect/nova/command.hpp"

#include <bellhop/op/own_command.hpp>

namespace bellhop::nova {
namespace {

void on_called(Call& call, Result<op::OwnCommand::Answer> answer)
{
    if (!answer && (answer.error().kind == Error::Kind::not_found || answer.error().kind == Error::Kind::unsupported))
        return call.unknown();
    if (!answer)
        return call.fail(std::move(answer.error().text));
    if (answer->code == 0)
        return call.answer(std::move(answer->out));
    std::string why = "own command '" + call.name() + "' ended with " + std::to_string(answer->code);
    call.fail(answer->complaint.empty() ? std::move(why) : why + ": " + answer->complaint);
}

}  // namespace

void call_own_command(Call& call)
{
    op::OwnCommand::Request request{call.name()};
    if (call.has_value())
        request.argument = call.value().text();
    call.ask<op::OwnCommand>(std::move(request), &on_called);
}

std::vector<std::string> own_command_names(const Context& context, std::vector<std::string_view> built_in)
{
    if (!context.operations.allows(op::OwnCommand::info, context))
        return {};
    auto found = context.operations.call<op::OwnCommands>(context, {std::move(built_in)});
    return found ? std::move(found->names) : std::vector<std::string>();
}

}  // namespace bellhop::nova
