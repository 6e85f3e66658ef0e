// SPDX-License-Identifier: Apache-2.0
#include "os/statistics.hpp"
#include "support/guest_tree.hpp"

#include <unistd.h>

using namespace bellhop;
using test::GuestTree;
using Numbers = std::vector<std::uint64_t>;

TEST_CASE("statistics: load averages", "[statistics]")
{
    const GuestTree guest;
    CHECK_FALSE(os::load_averages(guest.root()));
    guest.file("proc/loadavg", "0.25 1.50 12.00 1/99 4711\n");
    const auto load = os::load_averages(guest.root());
    REQUIRE(load);
    CHECK(*load == std::array<double, 3>{0.25, 1.5, 12.0});
    guest.file("proc/loadavg", "0.25 x\n");
    CHECK_FALSE(os::load_averages(guest.root()));
}

TEST_CASE("statistics: processor times in milliseconds, as many as the kernel knows; their sum is none", "[statistics]")
{
    const GuestTree guest;
    guest.file("proc/stat",
               "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 100 2 3 4 5 6 7 8 9 10 11\ncpu12 1 2 3 4\ncpu13 1 2 3\nintr 1 2 3 4 5\n");
    const std::uint64_t unit = 1000 / std::uint64_t(::sysconf(_SC_CLK_TCK));

    const auto cpus = os::cpu_times(guest.root());

    REQUIRE(cpus);
    REQUIRE(cpus->size() == 2);
    CHECK((*cpus)[0].number == 0);
    CHECK((*cpus)[0].times ==
          Numbers{100 * unit, 2 * unit, 3 * unit, 4 * unit, 5 * unit, 6 * unit, 7 * unit, 8 * unit, 9 * unit, 10 * unit});
    CHECK((*cpus)[1].number == 12);
    CHECK((*cpus)[1].times == Numbers{unit, 2 * unit, 3 * unit, 4 * unit});
}

TEST_CASE("statistics: disk counters of each generation of kernels", "[statistics]")
{
    const GuestTree guest;
    guest.file("proc/diskstats",
               "   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
               " 8 1 sda1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n"
               " 8 2 sda2 1 2 3 4 5 6 7 8 9 10 11\n"
               " 8 3 sda3 1 2 3 4\n"
               " 8 4 sda4 1 2 3\n 8 x sda5 1 2 3 4\n\n 259 0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19\n");

    const auto disks = os::disk_counters(guest.root());

    REQUIRE(disks);
    std::vector<std::pair<std::string, std::size_t>> seen;
    for (const auto& disk : *disks)
        seen.emplace_back(disk.name + " " + std::to_string(disk.major) + ":" + std::to_string(disk.minor), disk.counters.size());
    CHECK(seen == decltype(seen){{"sda 8:0", 17}, {"sda1 8:1", 15}, {"sda2 8:2", 11}, {"sda3 8:3", 4}, {"nvme0n1 259:0", 17}});
    CHECK((*disks)[3].counters == Numbers{1, 2, 3, 4});
}

TEST_CASE("statistics: without /proc there is an error", "[statistics]")
{
    const GuestTree guest;
    CHECK_FALSE(os::cpu_times(guest.root()));
    CHECK_FALSE(os::disk_counters(guest.root()));
}
