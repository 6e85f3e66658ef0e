// SPDX-License-Identifier: Apache-2.0
// get_file: open a regular file for reading. The answer's Source is the file itself.
#pragma once
#include <bellhop/context.hpp>

#include <string>

namespace bellhop::op {

struct GetFile {
    static constexpr OperationInfo info{"get_file", "read a file", false};
    struct Request {
        std::string path;
    };
    struct Answer {
        int mode = 0;  // permission bits
        std::uint64_t size = 0;
        std::shared_ptr<Source> bytes;
    };
};

}  // namespace bellhop::op
