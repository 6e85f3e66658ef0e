// SPDX-License-Identifier: Apache-2.0
// bellhop-call*: the commands of the guest's operator. docs/own-commands.md, docs/dialects/qga-extensions.md.
#include "dialect/qga/command.hpp"

#include <bellhop/op/own_command.hpp>

namespace bellhop::qga {
namespace {

void on_called(Call& call, Result<op::OwnCommand::Answer> answer)
{
    if (!answer)
        return call.fail(std::move(answer.error().text),
                         answer.error().kind == Error::Kind::not_found ? "CommandNotFound" : "GenericError");
    json::Members members{{"code", answer->code}};
    Result<json::Value> value = answer->json ? json::parse(std::move(answer->out)) : json::Value(std::move(answer->out));
    members.emplace_back("out", value ? std::move(*value) : json::Value());
    if (answer->code != 0)
        members.emplace_back("stderr", std::move(answer->complaint));
    call.answer(std::move(members));
}

void bellhop_call(Call& call, Arguments& arguments)
{
    op::OwnCommand::Request request{arguments.string("name")};
    request.argument = arguments.maybe_any("args").value_or(json::Value()).text();
    const auto limit = arguments.maybe_integer("time-limit-ms");
    if (call.refused(arguments))
        return;
    if (limit && (*limit < 1 || *limit > longest_time))
        return call.fail("value '" + std::to_string(*limit) + "' is invalid for argument time-limit-ms");
    if (limit)
        request.time_limit = std::chrono::milliseconds(*limit);
    call.ask<op::OwnCommand>(std::move(request), &on_called);
}

void bellhop_call_list(Call& call, Arguments& arguments)
{
    if (call.refused(arguments))
        return;
    auto found = call.context().operations.call<op::OwnCommands>(call.context(), {});
    if (!found)
        return call.fail(std::move(found.error().text));
    json::Array names;
    for (std::string& name : found->names)
        names.emplace_back(std::move(name));
    call.answer(std::move(names));
}

}  // namespace

std::span<const Command> own_commands()
{
    static constexpr Command commands[] = {
        {"bellhop-call", &bellhop_call, &op::OwnCommand::info},
        {"bellhop-call-list", &bellhop_call_list, &op::OwnCommands::info},
    };
    return commands;
}

}  // namespace bellhop::qga
