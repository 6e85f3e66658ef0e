// SPDX-License-Identifier: Apache-2.0
#include "op/jobs.hpp"
#include "os/host_facts.hpp"

namespace bellhop::op {

Status info(Guest& guest, const Context& context, const Info::Request&, Info::Answer& answer)
{
    const os::Kernel kernel = os::kernel();
    const auto age = guest.timers.now() - guest.facts.started;
    answer = {guest.facts.version,
              guest.facts.dialects,
              context.operations.list(context),
              os::os_release(guest.facts.config.root),
              kernel.release,
              kernel.machine,
              guest.facts.config.limits,
              std::chrono::duration_cast<std::chrono::milliseconds>(age),
              os::resident_kib()};
    OwnCommands::Answer own;
    if (context.operations.allows(OwnCommand::info, context) && own_commands(guest, context, {}, own))
        answer.own_commands = std::move(own.names);
    return done();
}

}  // namespace bellhop::op
