// SPDX-License-Identifier: Apache-2.0
// The dialect of SmolVM's hosts, version 1 (docs/dialects/frames.md).
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/dialect.hpp>

namespace bellhop::frames {

struct Options {
    std::string agent_version;
    std::string shell = "/bin/sh";  // for "shell": "login"
    std::chrono::milliseconds grace{200};
    std::size_t longest_frame = 16 << 20;
};
std::unique_ptr<Dialect> make_dialect(Options);

}  // namespace bellhop::frames
