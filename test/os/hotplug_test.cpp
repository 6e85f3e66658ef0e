// SPDX-License-Identifier: Apache-2.0
#include "os/cpus.hpp"
#include "os/memory_blocks.hpp"
#include "support/guest_tree.hpp"
#include "support/loop.hpp"

using namespace bellhop;
using test::GuestTree;
using How = op::SetMemoryBlocks::How;

namespace {

std::string shown(const GuestTree& guest)  // "0:online,1:offline+" where + is: can be taken offline
{
    const auto cpus = os::cpus(guest.root());
    std::string text;
    for (const op::Cpus::Cpu& cpu : cpus ? *cpus : std::vector<op::Cpus::Cpu>())
        text += std::to_string(cpu.number) + (cpu.online ? ":online" : ":offline") + (cpu.can_offline ? "+ " : " ");
    return text;
}

GuestTree& with_cpus(GuestTree& guest)
{
    guest.folder("sys/devices/system/cpu/cpu0");
    guest.file("sys/devices/system/cpu/cpu2/online", "0\n");
    guest.file("sys/devices/system/cpu/cpu10/online", "1\n");
    guest.folder("sys/devices/system/cpu/cpufreq");
    guest.folder("sys/devices/system/cpu/cpuidle");
    guest.file("sys/devices/system/cpu/online", "0,10\n");
    return guest;
}

}  // namespace

TEST_CASE("cpus: by number; one without a switch is on and stays on", "[cpus]")
{
    GuestTree guest;
    CHECK_FALSE(os::cpus(guest.root()));
    CHECK(shown(with_cpus(guest)) == "0:online 2:offline+ 10:online+ ");
}

TEST_CASE("cpus: switched by a byte, and only when it changes something", "[cpus]")
{
    GuestTree guest;
    with_cpus(guest);

    CHECK(os::set_cpu(guest.root(), {2, true}));
    CHECK(os::set_cpu(guest.root(), {10, true}));
    CHECK(os::set_cpu(guest.root(), {0, true}));

    CHECK(test::contents(guest / "sys/devices/system/cpu/cpu2/online") == "1\n");
    CHECK(shown(guest) == "0:online 2:online+ 10:online+ ");
}

TEST_CASE("cpus: one that must stay, or is not there, is an error", "[cpus]")
{
    GuestTree guest;
    with_cpus(guest);

    const Status stays = os::set_cpu(guest.root(), {0, false}), none = os::set_cpu(guest.root(), {99, false});

    REQUIRE_FALSE(stays);
    CHECK(stays.error().text == "logical processor #0 can't be offlined");
    REQUIRE_FALSE(none);
    CHECK(none.error().text == "Could not open '" + guest / "sys/devices/system/cpu/cpu99/" + "': No such file or directory");
    CHECK_FALSE(os::set_cpu(guest.root(), {-1, true}));
}

TEST_CASE("memory blocks: by number, and whether they can go", "[memory-blocks]")
{
    GuestTree guest;
    const auto none = os::memory_blocks(guest.root());
    REQUIRE(none);
    CHECK(none->empty());
    CHECK_FALSE(os::memory_block_size(guest.root()));

    guest.file("sys/devices/system/memory/block_size_bytes", "8000000\n");
    guest.file("sys/devices/system/memory/memory32/state", "offline\n");
    guest.file("sys/devices/system/memory/memory32/removable", "0\n");
    guest.file("sys/devices/system/memory/memory4/state", "online\n");
    guest.file("sys/devices/system/memory/memory4/removable", "1\n");
    guest.folder("sys/devices/system/memory/memory0");

    std::string text;
    const auto blocks = os::memory_blocks(guest.root());
    REQUIRE(blocks);
    for (const op::MemoryBlocks::Block& block : *blocks)
        text += std::to_string(block.number) + (block.online ? ":online" : ":offline") + (block.can_offline ? "+ " : " ");
    CHECK(text == "0:online 4:online+ 32:offline ");
    CHECK(*os::memory_block_size(guest.root()) == 0x8000000);
}

TEST_CASE("memory blocks: each outcome", "[memory-blocks]")
{
    GuestTree guest;
    const auto outcome = [&](std::uint64_t number, bool online) {
        const auto found = os::set_memory_block(guest.root(), {number, online});
        return std::pair(found.how, found.error);
    };
    CHECK(outcome(4, true) == std::pair(How::unsupported, ENOENT));
    guest.file("sys/devices/system/memory/memory4/state", "online\n");
    guest.folder("sys/devices/system/memory/memory0");
    guest.link("sys/devices/system/memory/memory7/state", "/dev/full");

    CHECK(outcome(4, true) == std::pair(How::done, 0));
    CHECK(outcome(9, true) == std::pair(How::not_found, ENOENT));
    CHECK(outcome(0, true) == std::pair(How::done, 0));
    CHECK(outcome(0, false) == std::pair(How::unsupported, ENOENT));
    CHECK(outcome(4, false) == std::pair(How::done, 0));
    CHECK(test::contents(guest / "sys/devices/system/memory/memory4/state") == "offline");
    CHECK(outcome(7, true) == std::pair(How::failed, ENOSPC));
}
