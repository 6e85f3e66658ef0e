// SPDX-License-Identifier: Apache-2.0
// Interfaces and routes.
#include "dialect/qga/command.hpp"

#include <bellhop/op/network.hpp>

namespace bellhop::qga {
namespace {

using Family = op::Network::Family;

json::Value statistics_of(const op::Network::Counters& received, const op::Network::Counters& sent)
{
    return json::Members{{"rx-bytes", received.bytes},     {"rx-packets", received.packets}, {"rx-errs", received.errors},
                         {"rx-dropped", received.dropped}, {"tx-bytes", sent.bytes},         {"tx-packets", sent.packets},
                         {"tx-errs", sent.errors},         {"tx-dropped", sent.dropped}};
}

json::Value interface_of(const op::Network::Interface& interface)
{
    json::Members members{{"name", interface.name}};
    if (!interface.hardware.empty())
        members.emplace_back("hardware-address", interface.hardware);
    json::Array addresses;
    for (const op::Network::Address& address : interface.addresses)
        addresses.push_back(json::Members{{"ip-address", address.text},
                                          {"ip-address-type", address.family == Family::ipv6 ? "ipv6" : "ipv4"},
                                          {"prefix", std::int64_t(address.prefix)}});
    if (!addresses.empty())
        members.emplace_back("ip-addresses", std::move(addresses));
    if (interface.received && interface.sent)
        members.emplace_back("statistics", statistics_of(*interface.received, *interface.sent));
    return members;
}

void on_interfaces(Call& call, Result<op::Network::Answer> found)
{
    if (!found)
        return call.fail(found.error().text);
    json::Array interfaces;
    for (const op::Network::Interface& interface : found->interfaces)
        interfaces.push_back(interface_of(interface));
    call.answer(std::move(interfaces));
}

void guest_network_get_interfaces(Call& call, Arguments& arguments)
{
    if (!call.refused(arguments))
        call.ask<op::Network>({.interfaces = true}, &on_interfaces);
}

json::Value route_of(const op::Network::Route& route)
{
    json::Members members{
        {"iface", route.interface},           {"destination", route.destination},         {"metric", std::int64_t(route.metric)},
        {"flags", std::int64_t(route.flags)}, {"refcnt", std::int64_t(route.references)}, {"use", std::int64_t(route.uses)}};
    if (route.family == Family::ipv4) {
        members.emplace_back("version", 4);
        members.emplace_back("gateway", route.gateway);
        members.emplace_back("mask", route.mask);
        members.emplace_back("mtu", std::int64_t(route.mtu));
        members.emplace_back("window", std::int64_t(route.window));
        members.emplace_back("irtt", std::int64_t(route.round_trip));
    } else {
        members.emplace_back("version", 6);
        members.emplace_back("nexthop", route.gateway);
        members.emplace_back("source", route.source);
        members.emplace_back("desprefixlen", std::to_string(route.prefix));
        members.emplace_back("srcprefixlen", std::to_string(route.source_prefix));
    }
    return members;
}

void on_routes(Call& call, Result<op::Network::Answer> found)
{
    if (!found)
        return call.fail(found.error().text);
    json::Array routes;
    for (const op::Network::Route& route : found->routes)
        routes.push_back(route_of(route));
    call.answer(std::move(routes));
}

void guest_network_get_route(Call& call, Arguments& arguments)
{
    if (!call.refused(arguments))
        call.ask<op::Network>({.routes = true}, &on_routes);
}

}  // namespace

std::span<const Command> network_commands()
{
    static constexpr Command commands[] = {
        {"guest-network-get-interfaces", &guest_network_get_interfaces, &op::Network::info},
        {"guest-network-get-route", &guest_network_get_route, &op::Network::info},
    };
    return commands;
}

}  // namespace bellhop::qga
