// SPDX-License-Identifier: Apache-2.0
// guest-fsfreeze-* and guest-fstrim.
//
// From the beginning of a freeze to the end of the thaw only the commands that do not touch a file are let through, those of
// other connections too (State::frozen). The status says "frozen" only while all of it is: hosts take their snapshots by it.
#include "dialect/qga/state.hpp"

#include <bellhop/op/freeze.hpp>
#include <bellhop/op/trim.hpp>

namespace bellhop::qga {
namespace {

using Freezing = op::FreezeState::State;

Freezing freeze_state(const Context& context)
{
    const auto answer = context.operations.call<op::FreezeState>(context, {});
    return answer ? answer->state : Freezing::thawed;
}

void on_freeze_changed(State& state)
{
    state.frozen = frozen(state.own);
    if (!state.frozen)
        state.freeze_lease.reset();
}

// ---- the lease: a host that never thaws does not keep the guest frozen for ever

void on_lease_thaw(State& state, Result<op::Thaw::Answer>)
{
    on_freeze_changed(state);
    if (state.frozen)
        begin_freeze_lease(state);  // tried again, as long later
    state.lease_thaw.reset();
}

void on_lease_over(State& state)
{
    auto thaw = state.own.operations.ask<op::Thaw>(state.own, {}, [&state](auto answer) { on_lease_thaw(state, std::move(answer)); });
    if (!thaw)
        return begin_freeze_lease(state);
    state.lease_thaw = std::move(*thaw);
}

// ---- the commands

void guest_fsfreeze_status(Call& call, Arguments& arguments)
{
    if (call.refused(arguments))
        return;
    const Freezing now = freeze_state(call.context());
    call.answer(now == Freezing::frozen || now == Freezing::thawing ? "frozen" : "thawed");
}

void on_frozen(Call& call, Result<op::Freeze::Answer> frozen)
{
    on_freeze_changed(call.state());
    if (!frozen)
        return call.fail(std::move(frozen.error().text));
    if (frozen->count > 0)
        begin_freeze_lease(call.state());
    call.answer(json::Value(frozen->count));
}

void freeze(Call& call, std::optional<std::vector<std::string>> directories)
{
    if (directories && directories->empty())
        return call.answer(json::Value(0));
    call.state().frozen = true;
    call.ask<op::Freeze>({std::move(directories)}, &on_frozen);
}

void guest_fsfreeze_freeze(Call& call, Arguments& arguments)
{
    if (!call.refused(arguments))
        freeze(call, std::nullopt);
}

void guest_fsfreeze_freeze_list(Call& call, Arguments& arguments)
{
    std::optional<std::vector<std::string>> directories = arguments.maybe_strings("mountpoints");
    if (!call.refused(arguments))
        freeze(call, std::move(directories));
}

void on_thawed(Call& call, Result<op::Thaw::Answer> thawed)
{
    on_freeze_changed(call.state());
    if (!thawed)
        return call.fail(std::move(thawed.error().text));
    if (!thawed->hook_failure.empty())
        return call.fail(std::move(thawed->hook_failure));
    call.answer(json::Value(thawed->count));
}

void guest_fsfreeze_thaw(Call& call, Arguments& arguments)
{
    if (!call.refused(arguments))
        call.ask<op::Thaw>({}, &on_thawed);
}

void on_trimmed(Call& call, Result<op::Trim::Answer> trimmed)
{
    if (!trimmed)
        return call.fail(std::move(trimmed.error().text));
    json::Array paths;
    for (op::Trim::Trimmed& one : trimmed->all) {
        json::Members path{{"path", std::move(one.directory)}};
        if (!one.error.empty())
            path.emplace_back("error", std::move(one.error));
        else {
            path.emplace_back("minimum", one.minimum);
            path.emplace_back("trimmed", one.bytes);
        }
        paths.emplace_back(std::move(path));
    }
    call.answer(json::Members{{"paths", std::move(paths)}});
}

void guest_fstrim(Call& call, Arguments& arguments)
{
    const std::int64_t minimum = arguments.maybe_integer("minimum").value_or(0);
    if (!call.refused(arguments))
        call.ask<op::Trim>({std::uint64_t(minimum)}, &on_trimmed);
}

using Frozen = Command::Frozen;
}  // namespace

bool frozen(const Context& context)
{
    return freeze_state(context) != Freezing::thawed;
}

void begin_freeze_lease(State& state)
{
    if (const auto lease = state.config.qga.freeze_lease; lease.count() > 0)
        state.freeze_lease = state.own.timers.after(lease, std::bind_front(&on_lease_over, std::ref(state)));
}

std::span<const Command> freeze_commands()
{
    static constexpr Command commands[] = {
        {"guest-fsfreeze-freeze", &guest_fsfreeze_freeze, &op::Freeze::info},
        {"guest-fsfreeze-freeze-list", &guest_fsfreeze_freeze_list, &op::Freeze::info},
        {"guest-fsfreeze-status", &guest_fsfreeze_status, &op::FreezeState::info, Command::Answers::always, Frozen::allowed},
        {"guest-fsfreeze-thaw", &guest_fsfreeze_thaw, &op::Thaw::info, Command::Answers::always, Frozen::allowed},
        {"guest-fstrim", &guest_fstrim, &op::Trim::info},
    };
    return commands;
}

}  // namespace bellhop::qga
