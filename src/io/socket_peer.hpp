// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of a connected socket, as far as the kernel vouches for it. unix(7) SO_PEERCRED, vsock(7).
#pragma once
#include <bellhop/peer.hpp>

namespace bellhop::io {

Peer unix_peer(int socket);
Peer vsock_peer(int socket);

}  // namespace bellhop::io
