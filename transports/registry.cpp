// SPDX-License-Identifier: Apache-2.0
#include "transports/registry.hpp"

#include "transports/fd/fd.hpp"
#include "transports/serial/serial.hpp"
#include "transports/unix/unix.hpp"
#include "transports/vsock/vsock.hpp"
#include "transports/xenstore/xenstore.hpp"

namespace bellhop::transports {

std::vector<TransportRow> rows()
{
    return {
        {"fd", "frames", &make_fd},
        {"serial", "qga", &make_serial},
        {"unix", "frames", &make_unix},
        {"vsock", "frames", &make_vsock},
        {"xenstore", "nova", &make_xenstore, TransportRow::Carries::store},
    };
}

}  // namespace bellhop::transports
