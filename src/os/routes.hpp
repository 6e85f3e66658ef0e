// SPDX-License-Identifier: Apache-2.0
// Routes as proc(5) tells them: /proc/net/route, /proc/net/ipv6_route.
#pragma once
#include <bellhop/op/network.hpp>

#include <string>

namespace bellhop::os {

constexpr std::size_t most_routes = 10'000;

std::vector<op::Network::Route> routes(const std::string& root);  // none where there is no such protocol

}  // namespace bellhop::os
