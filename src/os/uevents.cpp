// SPDX-License-Identifier: Apache-2.0
// A message is "ACTION@DEVPATH\0KEY=VALUE\0KEY=VALUE\0…", one a datagram. Only the kernel's own count: any process with enough
// capabilities may send to the group, and udev does.
#include "os/uevents.hpp"

#include <array>
#include <cerrno>
#include <string>
#include <sys/socket.h>

// clang-format off: it needs sys/socket.h before it
#include <linux/netlink.h>
// clang-format on

namespace bellhop::os {

Fd open_uevents()
{
    Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = 1;
    if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return {};
    return socket;
}

bool uevents_about(int uevents, std::initializer_list<std::string_view> subsystems)
{
    std::array<char, 4096> message;  // the kernel's are below 2 KiB
    bool any = false;
    for (;;) {
        sockaddr_nl sender{};
        socklen_t size = sizeof sender;
        const ssize_t n = ::recvfrom(uevents, message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&sender), &size);
        if (n < 0 && errno == ENOBUFS)
            any = true;
        else if (n < 0 && errno != EINTR)
            return any;
        if (n <= 0 || sender.nl_pid != 0)
            continue;
        const std::string_view text(message.data(), std::size_t(n));
        for (const std::string_view subsystem : subsystems) {
            std::string line("\0SUBSYSTEM=", 11);
            line += subsystem;
            any = any || text.find(line += '\0') != text.npos;
        }
    }
}

}  // namespace bellhop::os
