// SPDX-License-Identifier: Apache-2.0
// What a helper program said of its failure, for the end of a sentence.
#pragma once
#include "os/helper.hpp"

#include <string>

namespace bellhop::op {

inline std::string said(const os::HelperEnd& end)
{
    const std::size_t last = end.output.find_last_not_of(" \t\r\n");
    return ": " + (last == std::string::npos ? "exit status " + std::to_string(end.code) : end.output.substr(0, last + 1));
}

}  // namespace bellhop::op
