// SPDX-License-Identifier: Apache-2.0
// A C library reads the zone once (musl) or looks again only when it is asked to (glibc); a child looks for itself, each time.
#include "op/child_answer.hpp"
#include "op/jobs.hpp"
#include "os/host_facts.hpp"

namespace bellhop::op {

Begun ask_time_zone(Guest& guest, const Context& context, TimeZone::Request, Then<TimeZone> then)
{
    const auto work = [root = guest.facts.config.root]() -> Result<json::Value> {
        const os::LocalTime local = os::local_time(root);
        return json::Array{local.zone, std::int64_t(local.east.count())};
    };
    const auto read = [](Fields fields) {
        TimeZone::Answer answer;
        answer.abbreviation = fields.text();
        answer.east = std::chrono::seconds(fields.number<std::int64_t>());
        return answer;
    };
    return ask_child<TimeZone>(guest, context, std::chrono::seconds(10), work, read, std::move(then));
}

}  // namespace bellhop::op
