// SPDX-License-Identifier: Apache-2.0
// A virtio port or a serial line: one link, whoever the host is, for the life of the process. NAME is a virtio port's name or a
// path; `NAME,wait` does not mind that the port is not there yet, or held by another, and goes on trying.
#pragma once
#include <bellhop/timers.hpp>
#include <bellhop/transport.hpp>

#include <memory>
#include <string>

namespace asio {
class io_context;
}

namespace bellhop::transports {

std::unique_ptr<Transport> make_serial(asio::io_context&, Timers&, std::string address);

}  // namespace bellhop::transports
