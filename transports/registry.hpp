// SPDX-License-Identifier: Apache-2.0
// The transports there are. A new one is a folder beside this file and a line in registry.cpp.
#pragma once
#include <bellhop/timers.hpp>
#include <bellhop/transport.hpp>

#include <span>
#include <string>
#include <string_view>

namespace asio {
class io_context;
}

namespace bellhop::transports {

struct Kind {
    std::string_view name;
    std::string_view usual_dialect;  // when an endpoint names none
    std::unique_ptr<Transport> (*make)(asio::io_context&, Timers&, std::string address);
};
std::span<const Kind> kinds();            // sorted by name
const Kind* find(std::string_view name);  // nullptr: there is no such transport

}  // namespace bellhop::transports
