// SPDX-License-Identifier: Apache-2.0
// An inherited socket, ADDRESS = its number. A listening one is accepted on. A connected one is the only link: when that
// conversation ends, the transport is over (inetd style).
#pragma once
#include <bellhop/timers.hpp>
#include <bellhop/transport.hpp>

#include <string>

namespace asio {
class io_context;
}

namespace bellhop::transports {
std::unique_ptr<Transport> make_fd(asio::io_context&, Timers&, std::string number);
}
