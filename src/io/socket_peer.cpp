// SPDX-License-Identifier: Apache-2.0
#include "io/socket_peer.hpp"

#include <sys/socket.h>

// clang-format off: it needs sys/socket.h before it
#include <linux/vm_sockets.h>
// clang-format on

namespace bellhop::io {

Peer unix_peer(int socket)
{
    ucred who{};
    socklen_t size = sizeof who;
    ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size);
    return {
        "unix", "unix uid " + std::to_string(who.uid) + " pid " + std::to_string(who.pid), who.uid, std::uint32_t(who.pid), {}};
}

Peer vsock_peer(int socket)
{
    sockaddr_vm who{};
    socklen_t size = sizeof who;
    ::getpeername(socket, reinterpret_cast<sockaddr*>(&who), &size);
    return {"vsock", "vsock " + std::to_string(who.svm_cid) + ":" + std::to_string(who.svm_port), {}, {}, who.svm_cid};
}

}  // namespace bellhop::io
