// SPDX-License-Identifier: Apache-2.0
#include "op/jobs.hpp"
#include "os/logins.hpp"

namespace bellhop::op {

Status users(Guest& guest, const Context&, const Users::Request&, Users::Answer& answer)
{
    answer.users = os::logins(guest.facts.config.root);
    return done();
}

}  // namespace bellhop::op
