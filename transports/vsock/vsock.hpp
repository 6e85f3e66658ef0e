// SPDX-License-Identifier: Apache-2.0
// Listens on a vsock port, ADDRESS = [CID:]PORT. The kernel vouches for a peer's CID. vsock(7).
#pragma once
#include <bellhop/timers.hpp>
#include <bellhop/transport.hpp>

#include <string>

namespace asio {
class io_context;
}

namespace bellhop::transports {

std::unique_ptr<Transport> make_vsock(asio::io_context&, Timers&, std::string address);

struct VsockAddress {
    unsigned cid, port;
};
Result<VsockAddress> parse_vsock(std::string_view address);  // without a CID: any

}  // namespace bellhop::transports
