// SPDX-License-Identifier: Apache-2.0
// disks: block devices that have a size, and their partitions.
#pragma once
#include <bellhop/context.hpp>
#include <bellhop/op/disk_address.hpp>

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace bellhop::op {

struct Disks {
    static constexpr OperationInfo info{"disks", "list disks and partitions", false};
    struct Request {};
    struct Wide {  // 128 bits
        std::uint64_t low = 0, high = 0;
        bool operator==(const Wide&) const = default;
    };
    struct Smart {  // NVM Express, "SMART / Health Information Log Page"
        std::uint32_t critical_warning = 0;
        std::uint32_t temperature = 0;                                                          // kelvin
        std::uint32_t available_spare = 0, available_spare_threshold = 0, percentage_used = 0;  // per cent
        // Data units read and written (thousands of 512 bytes), host read and write commands, controller busy minutes, power
        // cycles, power on hours, unsafe shutdowns, media errors, error log entries.
        std::array<Wide, 10> counts{};
        bool operator==(const Smart&) const = default;
    };
    struct Disk {
        std::string device;  // "/dev/vda1"
        bool partition = false;
        std::optional<std::vector<std::string>> depends_on;  // devices that it lies on; none: the kernel does not say
        std::optional<DiskAddress> address;                  // of a whole disk that is no virtual one
        std::string alias;                                   // of the device mapper; empty: none
        std::optional<Smart> smart;
    };
    struct Answer {
        std::vector<Disk> disks;  // by name, each followed by its partitions
    };
};

}  // namespace bellhop::op
