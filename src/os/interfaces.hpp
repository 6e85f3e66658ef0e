// SPDX-License-Identifier: Apache-2.0
// Network interfaces: rtnetlink(7) by way of getifaddrs(3), and the counters of /proc/net/dev. The kernel's lock over all
// interfaces may be held for long (by a driver that resets its device): for a child of ours.
#pragma once
#include <bellhop/op/network.hpp>

#include <string>

namespace bellhop::os {

// In the kernel's order. Counters: of ROOT/proc/net/dev, and only of an interface that has an address.
Result<std::vector<op::Network::Interface>> interfaces(const std::string& root);

}  // namespace bellhop::os
