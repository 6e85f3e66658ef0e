// SPDX-License-Identifier: Apache-2.0
#include "dialect/registry.hpp"

#include "agent/version.hpp"
#include "dialect/frames/frames.hpp"

#include <algorithm>
#include <cstdlib>

namespace bellhop::dialects {
namespace {

std::unique_ptr<Dialect> make_frames(const Config& config, const Context&)
{
    const char* shell = std::getenv("SHELL");
    return frames::make_dialect({version, shell && *shell ? shell : "/bin/sh", config.grace, config.limits.frame});
}

constexpr Kind all[] = {
    {"frames", &make_frames},
};

}  // namespace

std::span<const Kind> kinds()
{
    return all;
}

const Kind* find(std::string_view name)
{
    const auto at = std::find_if(std::begin(all), std::end(all), [&](const Kind& kind) { return kind.name == name; });
    return at == std::end(all) ? nullptr : at;
}

}  // namespace bellhop::dialects
