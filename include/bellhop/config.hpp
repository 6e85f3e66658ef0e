// SPDX-License-Identifier: Apache-2.0
// What an agent is told before it starts.
#pragma once
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace bellhop {

struct Endpoint {                             // TRANSPORT:ADDRESS[=DIALECT]
    std::string transport, address, dialect;  // "unix", "/run/bellhop.sock", "frames"
};

struct Limits {
    std::size_t connections = 256;
    std::size_t runs = 64;                       // commands at a time; more wait in order
    std::size_t frame = 16 << 20;                // bytes of one message
    std::size_t buffered = 64 << 20;             // bytes of all peers' unfinished requests
    std::chrono::milliseconds idle{60'000};      // of a peer that owes us bytes
    std::chrono::milliseconds stall{3'600'000};  // of a peer that takes none of ours
};

struct Config {
    std::vector<Endpoint> listen;
    Limits limits;
    bool reap_strangers = false;           // orphans come to this process (PID 1, subreaper), and nobody else reaps them
    std::chrono::milliseconds grace{200};  // of what a finished command left running, to write its last
};

}  // namespace bellhop
