// SPDX-License-Identifier: Apache-2.0
#include "os/cpus.hpp"

#include "op/child_answer.hpp"
#include "op/jobs.hpp"

namespace bellhop::op {
namespace {

Result<json::Value> change_all(const std::string& root, const std::vector<SetCpus::Change>& changes)
{
    std::int64_t count = 0;
    for (const SetCpus::Change& change : changes) {
        Status status = os::set_cpu(root, change);
        if (!status && count == 0)
            return std::move(status.error());
        if (!status)
            break;
        ++count;
    }
    return json::Array{count};
}

}  // namespace

Status cpus(Guest& guest, const Context&, const Cpus::Request&, Cpus::Answer& answer)
{
    auto found = os::cpus(guest.facts.config.root);
    if (!found)
        return std::move(found.error());
    answer.cpus = std::move(*found);
    return done();
}

Begun ask_set_cpus(Guest& guest, const Context& context, SetCpus::Request request, Then<SetCpus> then)
{
    return ask_child<SetCpus>(
        guest, context, std::chrono::minutes(1),
        std::bind_front(&change_all, guest.facts.config.root, std::move(request.changes)),
        [](Fields fields) { return SetCpus::Answer{fields.number<std::size_t>()}; }, std::move(then));
}

}  // namespace bellhop::op
