// SPDX-License-Identifier: Apache-2.0
// inject_file: write a whole small file of the guest's, and keep the one that was there before beside it.
#pragma once
#include <bellhop/context.hpp>

#include <string>

namespace bellhop::op {

struct InjectFile {
    static constexpr OperationInfo info{"inject_file", "write a file and keep a backup of the one before", true};
    struct Request {
        std::string path;  // absolute; missing folders are made
        std::string data;
    };
    struct Answer {};
};

}  // namespace bellhop::op
