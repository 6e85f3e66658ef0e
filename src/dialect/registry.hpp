// SPDX-License-Identifier: Apache-2.0
// The dialects there are. A new one is a folder beside this file and a line in registry.cpp.
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/dialect.hpp>

#include <span>
#include <string_view>

namespace bellhop::dialects {

struct Kind {
    std::string_view name;
    std::unique_ptr<Dialect> (*make)(const Config&, const Context& own);  // own: for what outlives a link
};
std::span<const Kind> kinds();            // sorted by name
const Kind* find(std::string_view name);  // nullptr: there is no such dialect

}  // namespace bellhop::dialects
