// SPDX-License-Identifier: Apache-2.0
// sched_setaffinity(2). What a server starts afterwards inherits its cores.
#include "placement.hpp"

#include <sched.h>

namespace bellhop::benchmark {
namespace {

std::vector<int> allowed_cores()
{
    cpu_set_t set;
    if (::sched_getaffinity(0, sizeof set, &set) < 0)
        throw system_failure("sched_getaffinity");
    std::vector<int> cores;
    for (int core = 0; core < CPU_SETSIZE; ++core)
        if (CPU_ISSET(core, &set))
            cores.push_back(core);
    return cores;
}

void run_on(pid_t pid, const std::vector<int>& cores)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int core : cores)
        CPU_SET(core, &set);
    if (::sched_setaffinity(pid, sizeof set, &set) < 0)
        throw system_failure("sched_setaffinity");
}

}  // namespace

Placement::Placement(const Server& ours, const Server& floor) : ours_(ours), floor_(floor), cores_(allowed_cores()) {}

Placement::~Placement()
{
    try {
        run_on(0, cores_);
    } catch (...) {  // it was allowed before
    }
}

void Placement::apart()
{
    if (cores_.size() > 1)
        place({cores_.front()}, {cores_.begin() + 1, cores_.end()});
}

void Placement::vary(int round)
{
    const std::size_t choice = std::size_t(round) % (cores_.size() + 1);
    const std::vector<int> cores = choice < cores_.size() ? std::vector<int>{cores_[choice]} : cores_;
    place(cores, cores);
}

void Placement::place(const std::vector<int>& client, const std::vector<int>& servers)
{
    run_on(0, client);
    run_on(ours_.pid(), servers);
    run_on(floor_.pid(), servers);
}

}  // namespace bellhop::benchmark
