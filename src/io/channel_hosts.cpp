// SPDX-License-Identifier: Apache-2.0
// The half of a channel for links that outlive their hosts.
//
// A link that outlives its hosts (a virtio port) tells of each change once, so it is read until it has no more, and looked at
// also while input is paused. A host is there when there is nothing to read, and away when the input has ended. Bytes say
// nothing: they may overtake the word of their host's coming, and even that of the last one's going, because the kernel handles a
// port's bytes and its control messages on different processors. So after bytes a host's going counts only when no coming follows
// at once, and until then what is answered is kept: it may be for the next one. Who it was nobody can tell. The kernel handles
// the two words together when the bytes were the next host's, so the wait is short; and should the last host have asked, gone
// without its answer, and a next one have come in this while, that one hears a stale answer, which the protocols have an id for,
// instead of none at all. Neither the idle nor the stall limit is for such a link: nobody else waits for it, and what is queued
// goes when the host goes.
#include "io/channel.hpp"

#include <utility>

namespace bellhop::io {
namespace {

// Between a host's bytes and the word of its coming, or of the last one's going. A processor of the guest may have to wait for
// one of the real machine in between.
constexpr std::chrono::milliseconds overtaken{250};

}  // namespace

void Channel::on_change()
{
    if (std::exchange(writing_, false))
        write_next();
    unread_ = true;
    if (paused_)
        on_host(!link_->hung_up());
}

void Channel::on_looked(std::size_t count, bool would_block)
{
    unread_ = count > 0;
    if (count == 0)
        on_host(would_block);
    else if (!host_there_ && !unannounced_)
        unannounced_ = timers_.after(overtaken, std::bind_front(&Channel::on_unannounced, this));
}

void Channel::on_host(bool there)
{
    const bool was_there = std::exchange(host_there_, there);
    // A host that took something was there, though it came, heard and went before we had read all that it said.
    const bool came_and_went = std::exchange(host_took_, false) && !there;
    if (was_there == there && !came_and_went)
        return;
    unannounced_.reset();
    if (!there && timers_.now() - last_heard_ < overtaken)
        unannounced_ = timers_.after(overtaken, std::bind_front(&Channel::on_unannounced, this));
    else if (!there)
        on_host_gone();
    else if (session_ && !finishing_)
        enter(&ChannelSession::on_attach, session_);
}

void Channel::on_unannounced()
{
    unannounced_.reset();
    {
        const Handling handling(*this);
        on_change();  // who asks the link whether it is hung up, takes what it had to tell
        if (link_->hung_up())
            on_host_gone();  // nobody has come: what was asked for is done, and nobody hears of it
        else
            on_host(true);  // one that had always more to say than we have read
    }
    settle();
}

void Channel::on_host_gone()
{
    drop_queue();
    copied_.shrink_to_fit();
    paused_ = false;
    if (session_ && !finishing_)
        enter(&ChannelSession::on_detach, session_);
    owner_.on_quiet(*this);
}

}  // namespace bellhop::io
