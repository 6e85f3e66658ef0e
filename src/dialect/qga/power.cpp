// SPDX-License-Identifier: Apache-2.0
// guest-shutdown and guest-suspend-*: of their success the host hears by the machine's events, so there is no answer to them
// then.
#include "dialect/qga/state.hpp"

#include <bellhop/op/power.hpp>

namespace bellhop::qga {
namespace {

template <class Answer> void on_end(Call& call, Result<Answer> end)
{
    end ? call.done() : call.fail(std::move(end.error().text));
}

void guest_shutdown(Call& call, Arguments& arguments)
{
    using Mode = op::Power::Mode;
    const std::string mode = arguments.maybe_string("mode").value_or("powerdown");
    if (call.refused(arguments))
        return;
    if (mode != "powerdown" && mode != "halt" && mode != "reboot")
        return call.fail("mode is invalid (valid values are: halt|powerdown|reboot");  // qemu-ga's words
    call.ask<op::Power>({mode == "halt"     ? Mode::halt
                         : mode == "reboot" ? Mode::reboot
                                            : Mode::powerdown},
                        &on_end<op::Power::Answer>);
}

template <op::Suspend::Mode mode> void guest_suspend(Call& call, Arguments& arguments)
{
    if (!call.refused(arguments))
        call.ask<op::Suspend>({mode}, &on_end<op::Suspend::Answer>);
}

constexpr auto on_failure = Command::Answers::failures;

}  // namespace

std::span<const Command> power_commands()
{
    static constexpr Command commands[] = {
        {"guest-shutdown", &guest_shutdown, &op::Power::info, on_failure},
        {"guest-suspend-disk", &guest_suspend<op::Suspend::Mode::disk>, &op::Suspend::info, on_failure},
        {"guest-suspend-hybrid", &guest_suspend<op::Suspend::Mode::hybrid>, &op::Suspend::info, on_failure},
        {"guest-suspend-ram", &guest_suspend<op::Suspend::Mode::ram>, &op::Suspend::info, on_failure},
    };
    return commands;
}

}  // namespace bellhop::qga
