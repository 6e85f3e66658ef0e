// SPDX-License-Identifier: Apache-2.0
#include "transports/registry.hpp"

#include "transports/fd/fd.hpp"
#include "transports/unix/unix.hpp"
#include "transports/vsock/vsock.hpp"

#include <algorithm>

namespace bellhop::transports {
namespace {

constexpr Kind all[] = {
    {"fd", "frames", &make_fd},
    {"unix", "frames", &make_unix},
    {"vsock", "frames", &make_vsock},
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

}  // namespace bellhop::transports
