// SPDX-License-Identifier: Apache-2.0
#include "os/nvme.hpp"
#include "support/catch.hpp"

#include <array>

using namespace bellhop;

TEST_CASE("nvme: the health page's numbers are where the specification has them", "[nvme]")
{
    std::array<std::byte, os::nvme_page_size> page{};
    page[0] = std::byte(0x04);
    page[1] = std::byte(0x37), page[2] = std::byte(0x01);
    page[3] = std::byte(100), page[4] = std::byte(10), page[5] = std::byte(255);
    for (unsigned i = 0; i < 10; ++i) {
        page[32 + 16 * i] = std::byte(i);
        page[39 + 16 * i] = std::byte(0x80);
        page[40 + 16 * i] = std::byte(i + 1);
    }

    const op::Disks::Smart smart = os::parse_nvme_page(page);

    CHECK(smart.critical_warning == 4);
    CHECK(smart.temperature == 0x137);
    CHECK(smart.available_spare == 100);
    CHECK(smart.available_spare_threshold == 10);
    CHECK(smart.percentage_used == 255);
    for (unsigned i = 0; i < 10; ++i)
        CHECK(smart.counts[i] == op::Disks::Wide{0x8000000000000000 + i, i + 1});
}

TEST_CASE("nvme: what is no such disk says nothing", "[nvme]")
{
    CHECK_FALSE(os::nvme_smart("/dev/null"));
    CHECK_FALSE(os::nvme_smart("/nothing/here"));
}
