// SPDX-License-Identifier: Apache-2.0
// Where a disk is attached, from its path in sysfs: controllers, hosts and targets are components of it.
#pragma once
#include <bellhop/op/disk_address.hpp>

#include <string>

namespace bellhop::os {

// `path` is the real one of a disk or partition, "…/devices/pci0000:00/0000:00:02.0/virtio1/block/vda"; the drivers are links
// within it. Serial and device are left empty. False: nothing is known of this kind of controller.
bool find_address(const std::string& path, op::DiskAddress&);

}  // namespace bellhop::os
