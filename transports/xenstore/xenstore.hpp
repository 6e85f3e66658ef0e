// SPDX-License-Identifier: Apache-2.0
// A guest's XenStore, as one store for the life of the process: through its device, or through a socket (address.hpp).
#pragma once
#include <bellhop/timers.hpp>
#include <bellhop/transport.hpp>

#include <memory>
#include <string>

namespace asio {
class io_context;
}

namespace bellhop::transports {

std::unique_ptr<Transport> make_xenstore(asio::io_context&, Timers&, std::string address);

}  // namespace bellhop::transports
