// SPDX-License-Identifier: Apache-2.0
// Who is at the other end, as far as the kernel vouches for it. Policy and the log see nothing else of a peer.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace bellhop {

struct Peer {
    std::string transport;                       // "unix", "vsock", "fd", "serial", "xenstore"
    std::string name;                            // for people: "vsock 2:51234", "unix uid 0 pid 4711"
    std::optional<std::uint32_t> uid, pid, cid;  // unix(7) SO_PEERCRED; vsock(7) address
};

}  // namespace bellhop
