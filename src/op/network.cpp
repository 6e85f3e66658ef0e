// SPDX-License-Identifier: Apache-2.0
// In a child: the kernel may make us wait for its lock over the interfaces, and a router's table of routes is long.
#include "op/child_answer.hpp"
#include "op/jobs.hpp"
#include "os/interfaces.hpp"
#include "os/routes.hpp"

namespace bellhop::op {
namespace {

using Counters = Network::Counters;
using Family = Network::Family;

json::Value written(const std::optional<Counters>& counters)
{
    if (!counters)
        return {};
    return json::Array{counters->bytes, counters->packets, counters->errors, counters->dropped};
}

std::optional<Counters> read_counters(const json::Value& list)
{
    if (list.is_null())
        return std::nullopt;
    Fields fields(list);
    Counters counters;
    for (std::uint64_t* count : {&counters.bytes, &counters.packets, &counters.errors, &counters.dropped})
        *count = fields.number<std::uint64_t>();
    return counters;
}

json::Value written(const Network::Interface& interface)
{
    json::Array addresses;
    for (const Network::Address& address : interface.addresses)
        addresses.push_back(json::Array{address.text, address.family == Family::ipv6, std::int64_t(address.prefix)});
    return json::Array{interface.name, interface.hardware, written(interface.received), written(interface.sent),
                       std::move(addresses)};
}

Network::Interface read_interface(Fields fields)
{
    Network::Interface interface;
    interface.name = fields.text();
    interface.hardware = fields.text();
    interface.received = read_counters(fields.value());
    interface.sent = read_counters(fields.value());
    for (Fields addresses(fields.value()); addresses.more();) {
        Fields one(addresses.value());
        Network::Address address;
        address.text = one.text();
        address.family = one.flag() ? Family::ipv6 : Family::ipv4;
        address.prefix = one.number<std::uint32_t>();
        interface.addresses.push_back(std::move(address));
    }
    return interface;
}

constexpr std::string Network::Route::*route_texts[] = {&Network::Route::interface, &Network::Route::destination,
                                                        &Network::Route::gateway, &Network::Route::mask, &Network::Route::source};
constexpr std::uint32_t Network::Route::*route_numbers[] = {
    &Network::Route::prefix,     &Network::Route::source_prefix, &Network::Route::mtu,
    &Network::Route::window,     &Network::Route::round_trip,    &Network::Route::flags,
    &Network::Route::references, &Network::Route::uses,          &Network::Route::metric};

json::Value written(const Network::Route& route)
{
    json::Array fields{route.family == Family::ipv6};
    for (const auto text : route_texts)
        fields.push_back(route.*text);
    for (const auto number : route_numbers)
        fields.push_back(std::int64_t(route.*number));
    return fields;
}

Network::Route read_route(Fields fields)
{
    Network::Route route;
    route.family = fields.flag() ? Family::ipv6 : Family::ipv4;
    for (const auto text : route_texts)
        route.*text = fields.text();
    for (const auto number : route_numbers)
        route.*number = fields.number<std::uint32_t>();
    return route;
}

Result<json::Value> find_network(const std::string& root, Network::Request request)
{
    json::Array interfaces, routes;
    if (request.interfaces) {
        const auto found = os::interfaces(root);
        if (!found)
            return found.error();
        for (const Network::Interface& interface : *found)
            interfaces.push_back(written(interface));
    }
    if (request.routes)
        for (const Network::Route& route : os::routes(root))
            routes.push_back(written(route));
    return json::Array{std::move(interfaces), std::move(routes)};
}

Network::Answer read_network(Fields fields)
{
    Network::Answer answer;
    for (Fields interfaces(fields.value()); interfaces.more();)
        answer.interfaces.push_back(read_interface(Fields(interfaces.value())));
    for (Fields routes(fields.value()); routes.more();)
        answer.routes.push_back(read_route(Fields(routes.value())));
    return answer;
}

}  // namespace

Begun ask_network(Guest& guest, const Context& context, Network::Request request, Then<Network> then)
{
    return ask_child<Network>(guest, context, std::chrono::seconds(30),
                              std::bind_front(&find_network, guest.facts.config.root, request), &read_network, std::move(then));
}

}  // namespace bellhop::op
