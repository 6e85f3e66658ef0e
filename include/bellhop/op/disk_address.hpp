// SPDX-License-Identifier: Apache-2.0
// Where a disk is attached, as far as a host can tell it from its other disks by that.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace bellhop::op {

struct DiskAddress {
    enum class Bus { unknown, ide, scsi, virtio, usb, sata, nvme };
    struct Pci {  // of the controller. -1: not known, all four
        std::int32_t domain = -1, bus = -1, slot = -1, function = -1;
        bool operator==(const Pci&) const = default;
    };
    struct Ccw {  // channel I/O of s390x
        std::uint32_t cssid = 0, ssid = 0, subchannel = 0, device = 0;
        bool operator==(const Ccw&) const = default;
    };
    Bus type = Bus::unknown;
    Pci pci;
    std::uint32_t bus = 0, target = 0, unit = 0;
    std::string serial;  // udev's ID_SERIAL; empty: not known
    std::string device;  // "/dev/vda"; empty: not known
    std::optional<Ccw> ccw;
    bool operator==(const DiskAddress&) const = default;
};

}  // namespace bellhop::op
