// SPDX-License-Identifier: Apache-2.0
// The dialect of SmolVM's hosts, version 1 (docs/dialects/frames.md).
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/dialect.hpp>

namespace bellhop::frames {

struct Options {
    std::string agent_version;
    const Config& config;           // its grace and limits, as they are when a conversation begins
    std::string shell = "/bin/sh";  // for "shell": "login"
    const Context* own = nullptr;   // the agent's, to find out what may hang; none: nothing does
};
std::unique_ptr<Dialect> make_dialect(Options);

}  // namespace bellhop::frames
