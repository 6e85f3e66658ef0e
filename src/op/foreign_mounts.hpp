// SPDX-License-Identifier: Apache-2.0
// File systems that another machine or a process answers for (NFS, FUSE …): who touches one may sleep in the kernel for ever.
#pragma once
#include "os/mounts.hpp"

#include <bellhop/fd.hpp>

#include <string>

namespace bellhop::op {

class ForeignMounts {
public:
    bool
    has(const std::string& path);  // by the list of mounts and by links that are none of theirs: nothing of theirs is touched
    bool has(const Fd& file);      // opened just now

private:
    const std::vector<os::Mount>& mounts();  // all of them; none, if none is foreign

    os::MountChanges changes_;
    std::vector<os::Mount> mounts_;
};

}  // namespace bellhop::op
