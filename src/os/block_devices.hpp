// SPDX-License-Identifier: Apache-2.0
// Block devices in sysfs, and what udev keeps of them: the kernel's Documentation/ABI/stable/sysfs-block, udev(7).
#pragma once
#include <bellhop/op/disk_address.hpp>
#include <bellhop/op/disks.hpp>

#include <string>
#include <vector>

namespace bellhop::os {

struct BlockDevice {
    std::string name;                    // "vda1"
    std::vector<op::DiskAddress> disks;  // it lies on these; a virtual device (of the device mapper, of md) on several, perhaps
};
BlockDevice block_device(const std::string& root, unsigned major, unsigned minor);

std::vector<op::Disks::Disk> disks(const std::string& root);  // without what the disks themselves would have to be asked

}  // namespace bellhop::os
