// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bellhop/result.hpp>

#include <cstdint>
#include <string>

namespace bellhop::os {

struct Trimmed {
    std::uint64_t bytes = 0, minimum = 0;
};
// The whole of a mounted file system; free ranges shorter than `minimum` bytes are left alone. It takes as long as the disk
// does: for a child only.
Result<Trimmed> trim(const std::string& directory, std::uint64_t minimum);

}  // namespace bellhop::os
