// SPDX-License-Identifier: Apache-2.0
// Where a xenstored is to be had. Empty: this guest's own device. /PATH: a socket that speaks as a guest, relative paths and all.
// DOMAIN@/PATH: the daemon's own socket, on which absolute paths are used, as if we were that domain.
#pragma once
#include "transports/xenstore/store.hpp"

#include <string>
#include <string_view>

namespace bellhop::transports {

struct XenAddress {
    std::string path;  // empty: the device
    std::string base;  // "/local/domain/7/", or empty
};
Result<XenAddress> parse_xen_address(std::string_view);

Result<XenStore::Opened> open_xenstore(const std::string& path);

}  // namespace bellhop::transports
