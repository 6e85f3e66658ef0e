// SPDX-License-Identifier: Apache-2.0
// may_hang: are paths on file systems that another machine or a process answers for (NFS, FUSE …)? By the list of mounts and the
// links of others, so that nothing of theirs is touched.
// reach: see whether they answer. Who opens a file there, or starts a program, may sleep in the kernel for ever.
#pragma once
#include <bellhop/op/open_file.hpp>

#include <memory>
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
        std::shared_ptr<OpenedFile> file{};  // and this one's
    };
    struct Answer {};  // all do, though it may be that a file is not there
};

}  // namespace bellhop::op
