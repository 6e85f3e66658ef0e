// SPDX-License-Identifier: Apache-2.0
// getifaddrs(3) tells links first, then addresses; an IPv4 address that has a label of its own ("eth0:1") stands under that name.
// netdevice(7), SIOCGIFHWADDR.
#include "os/interfaces.hpp"

#include "os/errors.hpp"
#include "os/text_file.hpp"

#include <bellhop/fd.hpp>

#include <arpa/inet.h>
#include <bit>
#include <cstdio>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace bellhop::os {
namespace {

using op::Network;

constexpr std::size_t most_interfaces = 8 << 20;

template <class Raw> Network::Address address_of(Network::Family family, const Raw& address, const sockaddr* mask, std::size_t at)
{
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(family == Network::Family::ipv4 ? AF_INET : AF_INET6, &address, text, sizeof text);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; mask && i < sizeof address; ++i)
        bits += std::uint32_t(std::popcount(reinterpret_cast<const unsigned char*>(mask)[at + i]));
    return {text, family, bits};
}

void add_address(Network::Interface& interface, const ifaddrs& entry)
{
    if (!entry.ifa_addr)
        return;
    if (entry.ifa_addr->sa_family == AF_INET)
        interface.addresses.push_back(address_of(Network::Family::ipv4,
                                                 reinterpret_cast<const sockaddr_in*>(entry.ifa_addr)->sin_addr,
                                                 entry.ifa_netmask, offsetof(sockaddr_in, sin_addr)));
    else if (entry.ifa_addr->sa_family == AF_INET6)
        interface.addresses.push_back(address_of(Network::Family::ipv6,
                                                 reinterpret_cast<const sockaddr_in6*>(entry.ifa_addr)->sin6_addr,
                                                 entry.ifa_netmask, offsetof(sockaddr_in6, sin6_addr)));
}

std::string hardware_of(const Fd& socket, const std::string& name)
{
    ifreq request{};
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    if (!socket || ::ioctl(socket.get(), SIOCGIFHWADDR, &request) < 0)
        return {};
    unsigned char bytes[6];
    std::memcpy(bytes, request.ifr_hwaddr.sa_data, sizeof bytes);
    char text[sizeof "00:00:00:00:00:00"];
    std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
    return text;
}

Network::Interface& find_or_add(std::vector<Network::Interface>& all, const char* name)
{
    for (Network::Interface& interface : all)
        if (interface.name == name)
            return interface;
    all.push_back({name, {}, {}, {}, {}});
    return all.back();
}

// "  eth0: BYTES PACKETS ERRORS DROPPED FIFO FRAME COMPRESSED MULTICAST BYTES PACKETS ERRORS DROPPED …"
void read_counters(std::string_view line, std::vector<Network::Interface>& all)
{
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
    const std::size_t colon = line.rfind(':');  // a blank need not follow it
    if (colon == line.npos)
        return;
    const std::string_view name = line.substr(0, colon);
    line.remove_prefix(colon + 1);
    std::uint64_t counts[12] = {};
    for (std::uint64_t& count : counts) {
        const auto number = number_of<std::uint64_t>(next_word(line));
        if (!number)
            return;
        count = *number;
    }
    for (Network::Interface& interface : all)
        if (interface.name == name && !interface.addresses.empty()) {
            interface.received = {counts[0], counts[1], counts[2], counts[3]};
            interface.sent = {counts[8], counts[9], counts[10], counts[11]};
        }
}

}  // namespace

Result<std::vector<Network::Interface>> interfaces(const std::string& root)
{
    ifaddrs* found = nullptr;
    if (::getifaddrs(&found) < 0)
        return failure("getifaddrs");
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> list(found, &::freeifaddrs);
    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));  // any socket will do for these questions
    std::vector<Network::Interface> all;
    for (const ifaddrs* entry = list.get(); entry; entry = entry->ifa_next)
        add_address(find_or_add(all, entry->ifa_name), *entry);
    for (Network::Interface& interface : all)
        interface.hardware = hardware_of(socket, interface.name);
    if (const Result<std::string> text = text_of_file(root + "/proc/net/dev", most_interfaces))
        for (std::string_view rest = *text; !rest.empty();)
            read_counters(next_line(rest), all);
    return all;
}

}  // namespace bellhop::os
