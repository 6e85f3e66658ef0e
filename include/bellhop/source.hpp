// SPDX-License-Identifier: Apache-2.0
// Bytes that can go to a peer without passing through our memory: a child's pipe, a regular file. A dialect says how many of
// them belong where and calls available() and take() only; the Outbox has the other half. Shared (shared_ptr), because a queue
// may still hold what its session has let go.
#pragma once
#include <bellhop/bytes.hpp>
#include <bellhop/link.hpp>

namespace bellhop {

class Source {
public:
    virtual ~Source() = default;
    virtual std::size_t available() const = 0;    // to be had now without waiting; promised bytes no longer count
    virtual ByteView take(std::size_t most) = 0;  // a look at them, valid until the next take(). Not while any are promised

    virtual void promise(std::size_t count) = 0;  // these are spoken for: they leave in order, and nobody else gets them
    // 0 without an error is a broken promise (a file that shrank): what was begun cannot be completed.
    virtual std::size_t move_to(ByteLink&, std::size_t most, ByteLink::More, std::error_code&) = 0;
};

}  // namespace bellhop
