// SPDX-License-Identifier: Apache-2.0
#include "os/interfaces.hpp"
#include "os/routes.hpp"
#include "support/guest_tree.hpp"

#include <algorithm>

using namespace bellhop;
using test::GuestTree;
using Family = op::Network::Family;

TEST_CASE("routes: IPv4, as the kernel prints it", "[routes]")
{
    const GuestTree guest;
    const unsigned char address[] = {192, 0, 2, 1};
    std::uint32_t number;
    std::copy(std::begin(address), std::end(address), reinterpret_cast<unsigned char*>(&number));
    char hex[9];
    std::snprintf(hex, sizeof hex, "%08X", number);  // in this machine's order, as the kernel does
    guest.file("proc/net/route", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT   \n"
                                 "eth0\t00000000\t" +
                                     std::string(hex) +
                                     "\t0003\t1\t2\t100\t00000000\t1500\t4\t5          \n"
                                     "eth0\t00000000\t00000000\t0001\t0\t0\n");

    const auto routes = os::routes(guest.root());

    REQUIRE(routes.size() == 1);
    const op::Network::Route& route = routes[0];
    CHECK(route.family == Family::ipv4);
    CHECK(route.interface == "eth0");
    CHECK(route.destination == "0.0.0.0");
    CHECK(route.gateway == "192.0.2.1");
    CHECK(route.mask == "0.0.0.0");
    CHECK(std::vector{route.flags, route.references, route.uses, route.metric, route.mtu, route.window, route.round_trip} ==
          std::vector<std::uint32_t>{3, 1, 2, 100, 1500, 4, 5});
}

TEST_CASE("routes: IPv6, with numbers that fill their 32 bits", "[routes]")
{
    const GuestTree guest;
    const std::string none(32, '0');
    guest.file("proc/net/ipv6_route", "fd000000000000000000000000000000 40 " + none +
                                          " 00 fe80000000000000000000000000000a 00000100 00000002 00000003 80200001     eth0\n" +
                                          none + " 00 " + none + " 00 " + none +
                                          " ffffffff 00000001 00000000 00200200       lo\n" + none + " 00 " + none + " 00 xx" +
                                          none.substr(2) + " 1 1 1 1 lo\n" + none + " 00 " + none + " 00 " + none.substr(1) +
                                          " 1 1 1 1 lo\n" + none + " 00 " + none + " 00 " + none + " 1 1 1 1\n");

    const auto routes = os::routes(guest.root());

    REQUIRE(routes.size() == 2);
    CHECK(routes[0].family == Family::ipv6);
    CHECK(routes[0].destination == "fd00::");
    CHECK(routes[0].prefix == 64);
    CHECK(routes[0].source == "::");
    CHECK(routes[0].gateway == "fe80::a");
    CHECK(routes[0].metric == 256);
    CHECK(routes[0].flags == 0x80200001);
    CHECK(routes[0].interface == "eth0");
    CHECK(routes[1].metric == 0xFFFFFFFF);
}

TEST_CASE("routes: ten thousand at most, and none without /proc", "[routes]")
{
    const GuestTree guest;
    CHECK(os::routes(guest.root()).empty());
    std::string text;
    for (std::size_t i = 0; i < os::most_routes + 5; ++i)
        text += "e 0 0 0 0 0 0 0 0 0 0\n";
    guest.file("proc/net/route", text);

    CHECK(os::routes(guest.root()).size() == os::most_routes);
}

TEST_CASE("interfaces: counters belong to interfaces with addresses", "[interfaces]")
{
    const GuestTree guest;
    const auto plain = os::interfaces(guest.root());
    REQUIRE(plain);
    std::string text = "Inter-|   Receive    |  Transmit\n face |bytes packets|bytes\n";
    for (const op::Network::Interface& interface : *plain) {
        CHECK_FALSE(interface.received);
        text += "  " + interface.name + ":1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
    }
    guest.file("proc/net/dev", text);

    const auto counted = os::interfaces(guest.root());

    REQUIRE(counted);
    CHECK(counted->size() == plain->size());
    for (const op::Network::Interface& interface : *counted) {
        CAPTURE(interface.name);
        CHECK(interface.received.has_value() == !interface.addresses.empty());
        CHECK(interface.sent.has_value() == !interface.addresses.empty());
        if (interface.received && interface.sent) {
            CHECK(interface.received->bytes == 1);
            CHECK(interface.received->dropped == 4);
            CHECK(interface.sent->packets == 10);
            CHECK(interface.sent->dropped == 12);
        }
    }
}
