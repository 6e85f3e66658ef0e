// SPDX-License-Identifier: Apache-2.0
// The half of a channel that writes: the queue, when it is full, and when there is room again.
#include "io/channel.hpp"

#include <utility>

namespace bellhop::io {
namespace {

constexpr std::size_t worth_keeping = 64 << 10;  // of an empty queue's memory

}  // namespace

Outbox::Room Channel::send(ByteView bytes)
{
    if (finishing_ || deaf_ || closing_)
        return Room::full;
    if (bytes.empty())
        return full_ ? Room::full : Room::more;
    copied_ += text_of(bytes);  // a string: memcpy(3), whatever the compiler was told to save
    if (no_pieces() || pieces_.back().source)
        pieces_.push_back({nullptr, 0});
    pieces_.back().count += bytes.size();
    return on_queued(bytes.size());
}

// One part is on its way at a time. What the peer takes at once is not copied, and what is left goes into memory that is kept
// from one to the next: new memory for a long answer costs more (page faults) than all that is done with it.
Outbox::Room Channel::send_part(ByteView bytes)
{
    link_->widen();
    if (no_pieces() && !writing_ && !finishing_ && !deaf_ && !closing_) {
        std::error_code ec;  // is heard of again when the rest is written
        const std::size_t count = link_->write(bytes, ByteLink::More::no, ec);
        if (count > 0)
            on_taken();
        bytes = bytes.subspan(count);
    }
    send(bytes);
    full_ = true;
    room_below_ = 1;
    if (!writing_)
        write_next();
    return Room::full;
}

Outbox::Room Channel::send_from(const std::shared_ptr<Source>& source, std::size_t count)
{
    if (finishing_ || deaf_ || closing_)
        return Room::full;
    if (count == 0)
        return full_ ? Room::full : Room::more;
    link_->widen();
    source->promise(count);
    pieces_.push_back({source, count});
    return on_queued(count);
}

Outbox::Room Channel::on_queued(std::size_t count)
{
    if (pending_ == 0)
        last_taken_ = timers_.now();
    pending_ += count;
    full_ = full_ || pending_ >= high_mark;
    if (turns_ == 0 && !handling_ && !std::exchange(flush_coming_, true))  // from outside of any turn
        readiness_.post(&Channel::on_turn_end);
    return full_ ? Room::full : Room::more;
}

void Channel::on_left() noexcept
{
    if (--turns_ > 0)
        return;
    try {
        if (!writing_)
            write_next();
        if (!handling_ && (closing_ || finishing_))
            end_later();
    } catch (...) {  // no memory: check() tries again
        on_bug(std::current_exception());
    }
}

void Channel::on_turn_end()
{
    flush_coming_ = false;
    if (!writing_)
        write_next();
    settle();
}

void Channel::on_writable()
{
    writing_ = false;
    write_next();
    settle();
}

void Channel::write_next()
{
    std::error_code ec;
    while (!no_pieces() && !ec) {
        const auto more = pieces_.size() - first_ > 1 ? ByteLink::More::yes : ByteLink::More::no;
        const std::size_t count = write_piece(pieces_[first_], more, ec);
        if (count == 0 && !ec)
            return end(Error{Error::Kind::failed, {}, "what was begun could not be completed: its source had less"});
        if (count > 0)
            on_taken();
        if (pieces_[first_].count == 0)
            pieces_[first_++].source.reset();
    }
    if (ec == std::errc::operation_would_block) {
        writing_ = true;
        if (!link_->outlives_host())  // else the next change makes it readable
            readiness_.wait_writable(&Channel::on_writable);
    } else if (ec)
        return on_deaf_peer();
    on_written();
}

void Channel::on_taken()
{
    last_taken_ = timers_.now();
    host_took_ = true;
}

std::size_t Channel::write_piece(Piece& piece, ByteLink::More more, std::error_code& ec)
{
    std::size_t count;
    if (piece.source)
        count = piece.source->move_to(*link_, piece.count, more, ec);
    else {
        count = link_->write(bytes_of(copied_).subspan(copied_sent_, piece.count), more, ec);
        copied_sent_ += count;
    }
    piece.count -= count;
    pending_ -= count;
    return count;
}

void Channel::on_written()
{
    if (first_ == pieces_.size() || first_ > 64) {
        pieces_.erase(pieces_.begin(), pieces_.begin() + std::ptrdiff_t(first_));
        first_ = 0;
    }
    if (copied_sent_ == copied_.size()) {
        copied_.clear();
        copied_sent_ = 0;
        if (copied_.capacity() > worth_keeping && !full_)
            copied_.shrink_to_fit();
    } else if (copied_sent_ > worth_keeping && copied_sent_ > copied_.size() / 2) {
        copied_.erase(0, copied_sent_);
        copied_sent_ = 0;
    }
    // Not from here: a session that never runs out and a peer that never blocks would keep the loop to themselves.
    if (full_ && pending_ < room_below_ && !finishing_ && !std::exchange(room_coming_, true))
        readiness_.post(&Channel::on_room_again);
}

void Channel::on_room_again()
{
    room_coming_ = false;
    if (pending_ >= room_below_ || !session_ || finishing_ || closing_)
        return;
    full_ = false;
    room_below_ = low_mark;
    {
        const Handling handling(*this);
        enter(&ChannelSession::on_room, session_);
    }
    settle();
}

void Channel::drop_queue()
{
    pieces_.clear();
    copied_.clear();
    first_ = copied_sent_ = pending_ = 0;
    full_ = writing_ = false;
}

// The peer no longer listens, but may have said more than we have read (`echo … | socat`): only its end of input ends it, or
// the clock.
void Channel::on_deaf_peer()
{
    deaf_ = true;
    drop_queue();
    if (input_ended_ || paused_ || finishing_ || link_->outlives_host())
        closing_ = true;
    else
        linger_on();
}

}  // namespace bellhop::io
