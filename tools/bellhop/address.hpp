// SPDX-License-Identifier: Apache-2.0
// Where an agent is: `unix:PATH`, `vsock:CID[:PORT]`, `hybrid:PATH[:PORT]` or `xenstore:DOMID[@PATH]`, each with an
// optional `=DIALECT` behind the last '='.
#pragma once
#include <cstdint>
#include <string>

namespace bellhop::tool {

struct Address {
    enum class Kind { unix_socket, vsock, hybrid, xenstore };

    std::string text;  // as it was given, for messages
    Kind kind = Kind::unix_socket;
    std::string path;           // of unix_socket and hybrid; of xenstore's daemon, may be empty
    std::uint32_t cid = 0;      // of vsock; of xenstore the domain
    std::uint32_t port = 1024;  // of vsock and hybrid
    std::string dialect = "frames";
};

Address parse_address(const std::string& text);  // throws Failure

}  // namespace bellhop::tool
