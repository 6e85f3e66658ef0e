// SPDX-License-Identifier: Apache-2.0
// The mounts of file systems that live on a disk: what can be frozen and trimmed, and what a host wants to hear of.
#pragma once
#include <bellhop/fd.hpp>
#include <bellhop/result.hpp>

#include <string>
#include <vector>

namespace bellhop::os {

struct Mount {
    std::string directory, type, device;  // device: the source as it was mounted, "/dev/vda1"
    unsigned major = 0, minor = 0;        // of the block device. Btrfs: of the source, because its own number is made up
};

// Of ROOT/proc/self/mountinfo, in its order.
Result<std::vector<Mount>> all_mounts(const std::string& root);
// The directories are as they are there, without ROOT. What has no block device is
// left out, and so is what comes again (a bind mount, a subvolume): a disk is there once, where it was mounted first.
Result<std::vector<Mount>> disk_mounts(const std::string& root);

// Has something been mounted, or unmounted, since it was asked last? Cheaper than to read the list again.
class MountChanges {
public:
    MountChanges();
    bool any();  // also the first time, and where nobody knows

private:
    Fd list_;
    bool asked_ = false;
};

}  // namespace bellhop::os
