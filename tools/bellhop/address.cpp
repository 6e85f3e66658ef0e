// SPDX-License-Identifier: Apache-2.0
// The grammar of --at: the agent's --listen seen from the other side (docs/ARCHITECTURE.md,
// "Endpoint").
#include "address.hpp"

#include "base/endpoint.hpp"
#include "failure.hpp"
#include "help.hpp"

#include <charconv>
#include <optional>
#include <string_view>

namespace bellhop::tool {
namespace {

[[noreturn]] void refuse(const std::string& text, const std::string& why)
{
    throw Failure(Exit::usage, "'" + text + "' is no endpoint: " + why, std::string("an endpoint is one of\n") + address_forms);
}

std::optional<std::uint32_t> number(std::string_view digits)
{
    std::uint32_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc() || stop != end || value == UINT32_MAX)  // that one means "any"
        return {};
    return value;
}

void read_vsock(std::string_view words, Address& address)
{
    const std::size_t colon = words.find(':');
    const auto cid = number(words.substr(0, colon));
    const auto port = colon == words.npos ? address.port : number(words.substr(colon + 1));
    if (!cid || !port)
        refuse(address.text, "the CID and the port are numbers");
    address.cid = *cid;
    address.port = *port;
}

// A path may contain colons: only digits behind the last one are a port.
void read_hybrid(std::string_view words, Address& address)
{
    const std::size_t colon = words.rfind(':');
    if (colon != words.npos)
        if (const auto port = number(words.substr(colon + 1))) {
            address.port = *port;
            words = words.substr(0, colon);
        }
    address.path = words;
}

void read_xenstore(std::string_view words, Address& address)
{
    const std::size_t at = words.find('@');
    const auto domain = number(words.substr(0, at));
    if (!domain || *domain > 0x7FEF)  // DOMID_FIRST_RESERVED - 1
        refuse(address.text, "the domain is a number, as xl list tells it");
    address.cid = *domain;
    if (at != words.npos)
        address.path = words.substr(at + 1);
    if (at != words.npos && !address.path.starts_with('/'))
        refuse(address.text, "the path of xenstored's socket begins with /");
}

// The language of the store is nova, and nova is spoken nowhere else.
void must_fit(const Address& address)
{
    if ((address.kind == Address::Kind::xenstore) != (address.dialect == "nova"))
        refuse(address.text,
               address.dialect == "nova" ? "nova is spoken over xenstore: only" : "over xenstore: it is nova that is spoken");
}

}  // namespace

Address parse_address(const std::string& text)
{
    const auto endpoint = parse_endpoint(text);
    if (!endpoint)
        refuse(text, "it names no transport");
    Address address;
    address.text = text;
    if (endpoint->transport == "xenstore")
        address.dialect = "nova";
    if (!endpoint->dialect.empty())
        address.dialect = endpoint->dialect;
    if (address.dialect != "frames" && address.dialect != "qga" && address.dialect != "nova")
        refuse(text, "unknown dialect '" + address.dialect +
                         "', known are frames, nova and qga (a path that contains '=' wants one of them behind it, =frames)");
    if (endpoint->transport == "unix")
        address.path = endpoint->address;
    else if (endpoint->transport == "hybrid") {
        address.kind = Address::Kind::hybrid;
        read_hybrid(endpoint->address, address);
    } else if (endpoint->transport == "vsock") {
        address.kind = Address::Kind::vsock;
        read_vsock(endpoint->address, address);
    } else if (endpoint->transport == "xenstore") {
        address.kind = Address::Kind::xenstore;
        read_xenstore(endpoint->address, address);
    } else
        refuse(text, "unknown transport '" + endpoint->transport + "'");
    const bool by_path = address.kind == Address::Kind::unix_socket || address.kind == Address::Kind::hybrid;
    if (by_path && address.path.empty())
        refuse(text, "the path is empty");
    must_fit(address);
    return address;
}

}  // namespace bellhop::tool
