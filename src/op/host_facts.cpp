// SPDX-License-Identifier: Apache-2.0
#include "os/host_facts.hpp"

#include "op/jobs.hpp"

namespace bellhop::op {

Status host_facts(Guest& guest, const Context&, const HostFacts::Request& request, HostFacts::Answer& answer)
{
    os::Kernel kernel = os::kernel();
    answer = {std::move(kernel.host_name), std::move(kernel.release), std::move(kernel.version), std::move(kernel.machine),
              os::os_release(guest.facts.config.root, request.os_release)};
    return done();
}

}  // namespace bellhop::op
