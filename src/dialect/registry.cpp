// SPDX-License-Identifier: Apache-2.0
#include "dialect/registry.hpp"

#include "agent/version.hpp"
#include "dialect/frames/frames.hpp"

#include <cstdlib>

namespace bellhop::dialects {
namespace {

std::unique_ptr<Dialect> make_frames(const Config& config, const Context&)
{
    const char* shell = std::getenv("SHELL");
    return frames::make_dialect({version, config, shell && *shell ? shell : "/bin/sh"});
}

}  // namespace

std::vector<DialectRow> rows()
{
    return {
        {"frames", &make_frames},
    };
}

}  // namespace bellhop::dialects
