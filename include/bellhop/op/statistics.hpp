// SPDX-License-Identifier: Apache-2.0
// statistics: how busy the guest is. What is counted is counted from its start.
#pragma once
#include <bellhop/context.hpp>

#include <array>
#include <string>
#include <vector>

namespace bellhop::op {

struct Statistics {
    static constexpr OperationInfo info{"statistics", "tell load, processor times and disk counters", false};
    struct Request {  // what is wanted
        bool load = false, cpus = false, disks = false;
    };
    struct Cpu {
        std::uint32_t number = 0;
        // Milliseconds: user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice. Old kernels know the first ones
        // only, but four at least.
        std::vector<std::uint64_t> times;
    };
    struct Disk {
        std::string name;
        std::uint32_t major = 0, minor = 0;
        // In the order of the kernel's Documentation/admin-guide/iostats.rst, sectors of 512 bytes, times in milliseconds: 11, 15
        // or 17 of them; or 4 (partitions under Linux 2.6.24 and older): reads, sectors read, writes, sectors written.
        std::vector<std::uint64_t> counters;
    };
    struct Answer {
        std::array<double, 3> load{};  // getloadavg(3): of 1, 5 and 15 minutes
        std::vector<Cpu> cpus;
        std::vector<Disk> disks;
    };
};

}  // namespace bellhop::op
