// SPDX-License-Identifier: Apache-2.0
// IPv4 addresses are printed as the number that their four bytes are in memory; IPv6 addresses byte by byte. All is hexadecimal
// but the counters of IPv4.
#include "os/routes.hpp"

#include "os/text_file.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace bellhop::os {
namespace {

using op::Network;

constexpr std::size_t most_route_text = 4 << 20;

struct Words {
    std::string_view line;
    bool whole = true;  // so far: each word was there and was what it should be

    std::string text()
    {
        const std::string_view word = next_word(line);
        whole = whole && !word.empty();
        return std::string(word);
    }
    std::uint32_t number(int base)
    {
        const auto number = number_of<std::uint32_t>(next_word(line), base);
        whole = whole && number;
        return number.value_or(0);
    }
    std::string ipv4()
    {
        const std::uint32_t address = number(16);
        char text[INET_ADDRSTRLEN] = "";
        ::inet_ntop(AF_INET, &address, text, sizeof text);
        return text;
    }
    std::string ipv6()
    {
        const std::string_view digits = next_word(line);
        unsigned char bytes[16] = {};
        whole = whole && digits.size() == 2 * sizeof bytes;
        for (std::size_t i = 0; whole && i < sizeof bytes; ++i) {
            const auto byte = number_of<unsigned char>(digits.substr(2 * i, 2), 16);
            whole = byte.has_value();
            bytes[i] = byte.value_or(0);
        }
        char text[INET6_ADDRSTRLEN] = "";
        ::inet_ntop(AF_INET6, bytes, text, sizeof text);
        return text;
    }
};

bool read_ipv4(std::string_view line, Network::Route& route)
{
    Words words{line};
    route.interface = words.text();
    route.destination = words.ipv4();
    route.gateway = words.ipv4();
    route.flags = words.number(16);
    route.references = words.number(10);
    route.uses = words.number(10);
    route.metric = words.number(10);
    route.mask = words.ipv4();
    route.mtu = words.number(10);
    route.window = words.number(10);
    route.round_trip = words.number(10);
    return words.whole;
}

bool read_ipv6(std::string_view line, Network::Route& route)
{
    Words words{line};
    route.family = Network::Family::ipv6;
    route.destination = words.ipv6();
    route.prefix = words.number(16);
    route.source = words.ipv6();
    route.source_prefix = words.number(16);
    route.gateway = words.ipv6();
    route.metric = words.number(16);
    route.references = words.number(16);
    route.uses = words.number(16);
    route.flags = words.number(16);
    route.interface = words.text();
    return words.whole;
}

}  // namespace

std::vector<Network::Route> routes(const std::string& root)
{
    std::vector<Network::Route> all;
    const auto add = [&](const std::string& path, bool (*read)(std::string_view, Network::Route&)) {
        const Result<std::string> text = text_of_file(path, most_route_text);
        for (std::string_view rest = text ? std::string_view(*text) : ""; !rest.empty() && all.size() < most_routes;) {
            Network::Route route;
            if (read(next_line(rest), route))
                all.push_back(std::move(route));
        }
    };
    add(root + "/proc/net/route", &read_ipv4);  // its first line, the heading, is none
    add(root + "/proc/net/ipv6_route", &read_ipv6);
    return all;
}

}  // namespace bellhop::os
