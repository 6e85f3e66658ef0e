// SPDX-License-Identifier: Apache-2.0
#include "dialect/registry.hpp"

#include "agent/version.hpp"
#include "dialect/frames/frames.hpp"
#include "dialect/nova/nova.hpp"
#include "dialect/qga/qga.hpp"

#include <cstdlib>

namespace bellhop::dialects {
namespace {

std::unique_ptr<Dialect> make_frames(const Config& config, const Context& own)
{
    const char* shell = std::getenv("SHELL");
    return frames::make_dialect({version, config, shell && *shell ? shell : "/bin/sh", &own});
}

std::unique_ptr<Dialect> make_nova(const Config& config, const Context&)
{
    return nova::make_dialect(version, config);
}

std::unique_ptr<Dialect> make_qga(const Config& config, const Context& own)
{
    return qga::make_dialect(version, config, own);
}

}  // namespace

std::vector<DialectRow> rows()
{
    return {
        {"frames", &make_frames},
        {"nova", &make_nova, TransportRow::Carries::store},
        {"qga", &make_qga},
    };
}

}  // namespace bellhop::dialects
