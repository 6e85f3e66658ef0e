// SPDX-License-Identifier: Apache-2.0
// guest-get-time and guest-set-time.
#include "dialect/qga/state.hpp"

#include <bellhop/op/clock.hpp>

namespace bellhop::qga {
namespace {

void guest_get_time(Call& call, Arguments& arguments)
{
    if (call.refused(arguments))
        return;
    const auto time = call.context().operations.call<op::GetClock>(call.context(), {});
    if (!time)
        return call.fail(time.error().text);
    call.answer(std::int64_t(time->since_1970.count()));
}

void on_set(Call& call, Result<op::SetClock::Answer> set)
{
    set ? call.done() : call.fail(std::move(set.error().text));
}

void guest_set_time(Call& call, Arguments& arguments)
{
    const std::optional<std::int64_t> time = arguments.maybe_integer("time");
    if (call.refused(arguments))
        return;
    op::SetClock::Request request;
    if (time)
        request.since_1970 = std::chrono::nanoseconds(*time);
    call.ask<op::SetClock>(std::move(request), &on_set);
}

}  // namespace

std::span<const Command> time_commands()
{
    static constexpr Command commands[] = {
        {"guest-get-time", &guest_get_time, &op::GetClock::info},
        {"guest-set-time", &guest_set_time, &op::SetClock::info},
    };
    return commands;
}

}  // namespace bellhop::qga
