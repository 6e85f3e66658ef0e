// SPDX-License-Identifier: Apache-2.0
// A conversation over a byte link, as a dialect sees it: bytes come in by call, answers leave through the Outbox.
#pragma once
#include <bellhop/bytes.hpp>
#include <bellhop/result.hpp>
#include <bellhop/source.hpp>

#include <memory>

namespace bellhop {

// All that a session may do to its peer. Nothing blocks and nothing fails: a dead link destroys the session instead. What is
// sent in one turn of the loop leaves together at its end.
class Outbox {
public:
    enum class Room { more, full };  // full: enough for this turn, stop; on_room() says when to go on
    enum class Rest { none, some };  // of what the peer has to say

    virtual ~Outbox() = default;
    virtual Room send(ByteView) = 0;  // in order; copied
    // Of something long: it leaves now, not when the turn ends. full: the next part is wanted in on_room(), when this one has
    // left.
    virtual Room send_part(ByteView bytes) { return send(bytes); }
    virtual Room send_from(const std::shared_ptr<Source>&, std::size_t count) = 0;  // exactly count <= available()
    virtual void pause_input(bool) = 0;                                             // a hang-up is noticed all the same
    // Flush and close. A peer that may still be talking would be reset if we closed at once, and miss what we said: what it
    // sends is taken and dropped for a short while.
    virtual void finish(Rest = Rest::some) = 0;
    virtual void abandon(Error) = 0;  // the peer broke the rules: finish(), and the reason goes to the debug log
};

// One session. Destroying it gives up what it holds. It is never destroyed inside one of its own calls.
class ChannelSession {
public:
    virtual ~ChannelSession() = default;
    virtual void on_bytes(ByteView) = 0;  // any fragmentation; not called after finish()
    virtual void on_room() {}             // after Room::full
    virtual void on_input_end() {}        // half-close: the peer still listens. A hang-up destroys the session instead
    // A link that outlives its hosts (virtio port): a host came, or went; what was queued for it is gone. The agent gives each
    // host a session of its own; the first bytes may come before on_attach().
    virtual void on_attach() {}
    virtual void on_detach() {}
    // Is it the peer's turn to speak? A peer that owes us bytes and sends none for the idle limit loses its link.
    virtual bool awaits_peer() const { return false; }
    // Has nothing begun that the end of the link would cut short? An agent that is to end closes such links at once.
    virtual bool idle() const { return false; }
};

}  // namespace bellhop
