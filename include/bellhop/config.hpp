// SPDX-License-Identifier: Apache-2.0
// What an agent is told: before it starts, and again by Agent::reload(). agent.conf(5) has the same in words.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bellhop {

struct Endpoint {                             // TRANSPORT:ADDRESS[=DIALECT]
    std::string transport, address, dialect;  // "unix", "/run/bellhop.sock", "frames"
    bool operator==(const Endpoint&) const = default;
};

struct Limits {
    std::size_t connections = 256;
    std::size_t runs = 64;                       // commands at a time; more wait in order
    std::size_t frame = 16 << 20;                // bytes of one message
    std::size_t buffered = 64 << 20;             // bytes of all peers' unfinished requests
    std::chrono::milliseconds idle{60'000};      // of a peer that owes us bytes
    std::chrono::milliseconds stall{3'600'000};  // of a peer that takes none of ours
    std::chrono::milliseconds drain{2'000};      // of what runs, to end by itself when the agent is to end
};

struct Peers {  // who may have a link; a transport whose peers the kernel does not vouch for is not asked about
    std::vector<std::uint32_t> cids{2};              // vsock(7): 2 is the host
    std::optional<std::vector<std::uint32_t>> uids;  // none: our own and root
    bool operator==(const Peers&) const = default;
};

struct Rules {  // which operations: those in `allowed`, or all when it is empty, without those in `blocked`
    std::vector<std::string> allowed, blocked;
    bool operator==(const Rules&) const = default;
};

struct Qga {  // of the dialect qga; qemu-ga has options of these names
    std::vector<std::string> block_rpcs;
    std::optional<std::vector<std::string>> allow_rpcs;  // none: all. block_rpcs wins
    std::string state_directory = "/run";                // where it is marked that file systems are frozen
    std::string freeze_hook;                             // run with "freeze" before and "thaw" after. Empty: none
    bool skip_unopenable = false;                        // a mount that cannot be opened does not stop a freeze
    std::chrono::milliseconds freeze_lease{0};           // a freeze thaws by itself after so long. 0: never
    bool operator==(const Qga&) const = default;
};

struct Nova {                  // of the dialect nova
    std::string provider;      // whose hosts are served: vm-data/provider_data/provider says so. Empty: any
    bool kmsactivate = false;  // there is that command
    bool operator==(const Nova&) const = default;
};

struct Commands {                                         // the operator's own, docs/own-commands.md
    std::chrono::milliseconds time_limit{60'000};         // when a request names none
    std::chrono::milliseconds max_time_limit{3'600'000};  // whatever a request names
    bool operator==(const Commands&) const = default;
};

struct Config {
    std::vector<Endpoint> listen;
    Limits limits;
    Peers peers;
    Rules rules;
    std::map<std::string, Rules> dialect_rules;  // further ones, by dialect: both have to let an operation pass
    Qga qga;
    Nova nova;
    Commands commands;
    std::string root;                      // before the paths of the guest's own files (/etc/os-release …), for tests
    std::chrono::milliseconds grace{200};  // of what a finished command left running, to write its last
    bool reap_strangers = false;           // orphans come to this process (PID 1, subreaper), and nobody else reaps them
    bool plain_oom_score = false;          // children get oom_score_adj 0: we have another
};

}  // namespace bellhop
