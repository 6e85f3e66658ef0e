// SPDX-License-Identifier: Apache-2.0
// may_hang: are paths on file systems that another machine or a process answers for (NFS, FUSE …)? By the paths' words and the list
// of mounts, so that nothing is touched; a symbolic link to such a place is not seen.
// reach: see whether they answer. Who opens a file there, or starts a program, may sleep in the kernel for ever.
#pragma once
#include <bellhop/context.hpp>

#include <string>
#include <vector>

namespace bellhop::op {

struct MayHang {
    static constexpr OperationInfo info{"may_hang", "tell paths of foreign file systems", false};
    struct Request {
        std::vector<std::string> paths;
    };
    struct Answer {
        bool one_may = false;
    };
};

struct Reach {
    static constexpr OperationInfo info{"reach", "see whether the file systems of paths answer", false};
    struct Request {
        std::vector<std::string> paths;
    };
    struct Answer {};  // all do, though it may be that a file is not there
};

}  // namespace bellhop::op
