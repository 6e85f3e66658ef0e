// SPDX-License-Identifier: Apache-2.0
// trim: tell the disks which blocks no file system uses (FITRIM of ioctl(2)).
#pragma once
#include <bellhop/context.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace bellhop::op {

struct Trim {
    static constexpr OperationInfo info{"trim", "discard what file systems do not use", true};
    struct Request {
        std::uint64_t minimum = 0;  // bytes: shorter free ranges are left alone
    };
    struct Trimmed {
        std::string directory;
        std::string error;          // a sentence; empty: it went well
        std::uint64_t bytes = 0;    // discarded
        std::uint64_t minimum = 0;  // as the file system rounded it
    };
    struct Answer {
        std::vector<Trimmed> all;  // of each file system, in the order they were mounted
    };
};

}  // namespace bellhop::op
