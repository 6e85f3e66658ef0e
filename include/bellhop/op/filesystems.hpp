// SPDX-License-Identifier: Apache-2.0
// filesystems: those on disks, how full they are, and on which disks they lie.
#pragma once
#include <bellhop/context.hpp>
#include <bellhop/op/disk_address.hpp>

#include <optional>
#include <string>
#include <vector>

namespace bellhop::op {

struct Filesystems {
    static constexpr OperationInfo info{"filesystems", "list mounted file systems", false};
    struct Request {};
    struct Space {                                          // bytes
        std::uint64_t used = 0, total = 0, privileged = 0;  // total: for ordinary users; privileged: with what is kept for root
    };
    struct Filesystem {
        std::string name;             // of the block device: "vda1", "dm-0"
        std::string directory, type;  // where it was mounted first; "ext4"
        std::optional<Space> space;   // none: the file system did not answer in time, or not well
        std::vector<DiskAddress> disks;
    };
    struct Answer {
        std::vector<Filesystem> filesystems;  // in the order of mounting
    };
};

}  // namespace bellhop::op
