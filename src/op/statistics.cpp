// SPDX-License-Identifier: Apache-2.0
#include "os/statistics.hpp"

#include "op/jobs.hpp"

namespace bellhop::op {
namespace {

template <class T> Status keep(bool wanted, Result<T> (*find)(const std::string& root), const std::string& root, T& place)
{
    if (!wanted)
        return done();
    Result<T> found = find(root);
    if (!found)
        return std::move(found.error());
    place = std::move(*found);
    return done();
}

}  // namespace

Status statistics(Guest& guest, const Context&, const Statistics::Request& request, Statistics::Answer& answer)
{
    const std::string& root = guest.facts.config.root;
    Status status = keep(request.load, &os::load_averages, root, answer.load);
    if (status)
        status = keep(request.cpus, &os::cpu_times, root, answer.cpus);
    if (status)
        status = keep(request.disks, &os::disk_counters, root, answer.disks);
    return status;
}

}  // namespace bellhop::op
