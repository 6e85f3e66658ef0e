// SPDX-License-Identifier: Apache-2.0
// A language. Lives as long as the agent and owns what outlives one conversation (QGA's pids and handles) by holding the Job
// itself, with a Context made of the asker's peer and its own operations, timers and barrier: those of a link die with the link.
#pragma once
#include <bellhop/channel.hpp>
#include <bellhop/context.hpp>
#include <bellhop/store.hpp>

#include <memory>
#include <string>

namespace bellhop {

class Dialect {
public:
    virtual ~Dialect() = default;
    // The session, its outbox or store, and the context end together. nullptr: not over this kind of link.
    virtual std::unique_ptr<ChannelSession> open(Outbox&, const Context&) { return nullptr; }
    virtual std::unique_ptr<StoreSession> open(Store&, const Context&) { return nullptr; }
    // What a peer hears that gets no session (too many connections, not allowed). Empty: nothing, in this language.
    virtual std::string refusal(const Error&) { return {}; }
};

}  // namespace bellhop
