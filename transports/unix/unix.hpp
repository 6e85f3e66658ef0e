// SPDX-License-Identifier: Apache-2.0
// Listens on a unix socket, mode 0600. Who connects is vouched for by the kernel (SO_PEERCRED). unix(7).
#pragma once
#include <bellhop/timers.hpp>
#include <bellhop/transport.hpp>

#include <string>

namespace asio {
class io_context;
}

namespace bellhop::transports {

std::unique_ptr<Transport> make_unix(asio::io_context&, Timers&, std::string path);

}  // namespace bellhop::transports
