// SPDX-License-Identifier: Apache-2.0
// unix(7) SO_PEERCRED, vsock(7): the kernel says who a peer is. What it does not say (an inherited TCP socket) is not asked.
#include "agent/policy.hpp"

#include <bellhop/op/freeze.hpp>
#include <bellhop/op/reach.hpp>

#include <algorithm>
#include <unistd.h>

namespace bellhop {
namespace {

template <class List, class Item> bool contains(const List& list, const Item& item)
{
    return std::find(std::begin(list), std::end(list), item) != std::end(list);
}

bool passes(const Rules& rules, std::string_view name)
{
    return (rules.allowed.empty() || contains(rules.allowed, name)) && !contains(rules.blocked, name);
}

// The rules say what hosts may ask. The agent itself has to know whether files may be written, or reached, and to end what it has
// frozen.
bool is_own_duty(const OperationInfo& info, const Context& context)
{
    static constexpr std::string_view duties[] = {op::FreezeState::info.name, op::MayHang::info.name, op::Reach::info.name,
                                                  op::Thaw::info.name};
    return context.peer.transport == "agent" && contains(duties, info.name);
}

}  // namespace

Status ConfiguredPolicy::admit(const Peer& peer) const
{
    const Peers& peers = config_.peers;
    if (peer.cid && !contains(peers.cids, *peer.cid))
        return Error{Error::Kind::denied, {}, peer.name + " is not among the vsock CIDs that may connect"};
    const bool usual = peer.uid && (*peer.uid == 0 || *peer.uid == ::geteuid());
    if (peer.uid && !(peers.uids ? contains(*peers.uids, *peer.uid) : usual))
        return Error{Error::Kind::denied, {}, peer.name + " is not among the users that may connect"};
    return done();
}

Status ConfiguredPolicy::check(const OperationInfo& info, const Context& context)
{
    if (is_own_duty(info, context))
        return done();
    const auto further = config_.dialect_rules.find(context.dialect);
    if (passes(config_.rules, info.name) && (further == config_.dialect_rules.end() || passes(further->second, info.name)))
        return done();
    return Error{Error::Kind::denied, {}, std::string(info.name) + " is blocked in this guest"};
}

}  // namespace bellhop
