// SPDX-License-Identifier: Apache-2.0
// network: interfaces with their addresses and counters, and routes.
#pragma once
#include <bellhop/context.hpp>

#include <optional>
#include <string>
#include <vector>

namespace bellhop::op {

struct Network {
    static constexpr OperationInfo info{"network", "list network interfaces, addresses and routes", false};
    struct Request {  // what is wanted
        bool interfaces = false, routes = false;
    };
    enum class Family { ipv4, ipv6 };
    struct Address {
        std::string text;  // inet_ntop(3)
        Family family = Family::ipv4;
        std::uint32_t prefix = 0;  // bits
    };
    struct Counters {
        std::uint64_t bytes = 0, packets = 0, errors = 0, dropped = 0;
    };
    struct Interface {
        std::string name;      // or the label of an address, "eth0:1"
        std::string hardware;  // "52:54:00:12:34:56": the first six bytes. Empty: not known
        std::vector<Address> addresses;
        std::optional<Counters> received, sent;  // both or none
    };
    struct Route {  // as proc(5) tells it
        Family family = Family::ipv4;
        std::string interface, destination, gateway;
        std::string mask;                                   // IPv4
        std::string source;                                 // IPv6
        std::uint32_t prefix = 0, source_prefix = 0;        // bits; IPv6
        std::uint32_t mtu = 0, window = 0, round_trip = 0;  // IPv4; 0: not set
        std::uint32_t flags = 0, references = 0, uses = 0, metric = 0;
    };
    struct Answer {
        std::vector<Interface> interfaces;  // in the kernel's order
        std::vector<Route> routes;          // IPv4 first; ten thousand at most
    };
};

}  // namespace bellhop::op
