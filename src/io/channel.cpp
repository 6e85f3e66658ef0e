// SPDX-License-Identifier: Apache-2.0
// End of input plus hang-up destroys the session; end of input alone is on_input_end(). Everything the peer sent before it hung
// up is delivered first, so a request from `echo … | socat` counts although its sender is gone.
// While input is paused only a hang-up is waited for: a peer that goes away takes its session with it all the same.
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
//
// Who may end what: anything may set closing_ or finishing_; settle() alone acts on it, at the end of one of our own handlers or
// posted from where somebody else's code is below us on the stack.
#include "io/channel.hpp"

#include <algorithm>
#include <utility>

namespace bellhop::io {
namespace {

constexpr std::size_t worth_keeping = 64 << 10;  // of an empty queue's memory
constexpr std::size_t perhaps_secret = 4 << 10;  // what is read at once and is no more is a request, not a file's bytes
constexpr int reads_in_a_turn = 16;              // a mebibyte: the others wait for as long
// Between a host's bytes and the word of its coming, or of the last one's going. A processor of the guest may have to wait for
// one of the real machine in between.
constexpr std::chrono::milliseconds overtaken{250};

}  // namespace

class Channel::Handling {  // marks a handler of the loop; what it decided is acted upon in settle(), which comes last
public:
    explicit Handling(Channel& channel) : channel_(channel) { channel_.handling_ = true; }
    ~Handling() { channel_.handling_ = false; }

private:
    Channel& channel_;
};

Channel::Channel(asio::io_context& io, Timers& timers, Chunk chunk, std::unique_ptr<ByteLink> link, Owner& owner)
    : timers_(timers), chunk_(chunk), owner_(owner), link_(std::move(link)), readiness_(io, link_->descriptor(), *this),
      last_heard_(timers.now()), last_taken_(last_heard_)
{
}

void Channel::start(std::unique_ptr<ChannelSession> session)
{
    session_ = std::move(session);
    reading_ = true;
    on_readable();
}

void Channel::refuse(std::string_view last_words)
{
    send(bytes_of(last_words));
    finishing_ = true;
    settle();
}

void Channel::end_if_idle()
{
    ends_with_session_ = true;
    if (session_ && !finishing_ && session_->idle())
        finish(Rest::none);
}

void Channel::check(const Limits& limits)
{
    if (link_->outlives_host() && !closing_)
        return;
    const auto now = timers_.now();
    if (closing_ || ((paused_ || input_ended_) && link_->hung_up()))  // of which a vsock peer gives no sign
        return end(std::move(ending_.reason));
    const bool owes_bytes = session_ && !finishing_ && pending_ == 0 && session_->awaits_peer();
    if (owes_bytes && !paused_ && now - last_heard_ > limits.idle)
        end(Error{Error::Kind::timed_out, {}, "nothing came for the idle limit"});
    else if (pending_ > 0 && now - last_taken_ > limits.stall)
        end(Error{Error::Kind::timed_out, {}, "nothing was taken for the stall limit"});
}

// ---- input

void Channel::read_next()
{
    if (link_->outlives_host()) {
        if (unread_ && !paused_ && !std::exchange(more_coming_, true))
            readiness_.post(&Channel::on_more);
        if (!std::exchange(reading_, true))
            readiness_.wait_readable(&Channel::on_readable);
    } else if (paused_ || input_ended_) {
        if (!std::exchange(awaiting_hang_up_, true))
            readiness_.wait_hang_up(&Channel::on_hang_up);
    } else if (!std::exchange(reading_, true))
        readiness_.wait_readable(&Channel::on_readable);
}

void Channel::on_readable()
{
    reading_ = false;
    take_turn();
}

void Channel::on_more()
{
    more_coming_ = false;
    take_turn();
}

void Channel::take_turn()
{
    {
        const Handling handling(*this);
        if (link_->outlives_host())
            on_change();
        for (int i = 0; i < reads_in_a_turn && !paused_ && !closing_; ++i)
            if (!read_once())
                break;
    }
    settle();
}

bool Channel::read_once()  // false: no more for now
{
    std::error_code ec;
    const std::size_t count = link_->read(chunk_, ec);
    if (ec && ec != std::errc::operation_would_block) {
        closing_ = true;
        return false;
    }
    if (link_->outlives_host())
        on_looked(count, bool(ec));
    if (ec)
        return false;
    if (count == 0) {
        if (!link_->outlives_host())
            on_end_of_input();
        return false;
    }
    if (!finishing_)  // while finishing, and after it, what comes is taken and dropped
        enter(&ChannelSession::on_bytes, session_, ByteView(chunk_.first(count)));
    if (count <= perhaps_secret)
        std::fill_n(chunk_.begin(), count, std::byte());
    last_heard_ = timers_.now();
    return count == chunk_.size() || link_->outlives_host();
}

void Channel::on_end_of_input()
{
    input_ended_ = true;
    if (!session_ || link_->hung_up())
        closing_ = true;
    else if (!finishing_)
        enter(&ChannelSession::on_input_end, session_);
}

// ---- a link that outlives its hosts

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

void Channel::on_hang_up()
{
    awaiting_hang_up_ = false;
    // Else what is still unread comes first, and its end tells the same. A hint, too: the link is asked.
    closing_ = closing_ || ((paused_ || input_ended_) && link_->hung_up());
    settle();
}

void Channel::pause_input(bool on)
{
    paused_ = on;
    if (!handling_)
        end_later();
}

// ---- output

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

// One part is queued at a time, in memory that is kept from one to the next: new memory for a long answer costs more (page
// faults) than all that is done with it.
Outbox::Room Channel::send_part(ByteView bytes)
{
    link_->widen();
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
        if (count > 0) {
            last_taken_ = timers_.now();
            host_took_ = true;
        }
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

// ---- the end

void Channel::finish(Rest rest)
{
    rest_ = rest;
    finishing_ = true;
    paused_ = false;
    if (turns_ == 0 && !handling_)
        end_later();
}

void Channel::abandon(Error reason)
{
    ending_.reason = std::move(reason);
    finish(Rest::some);
}

void Channel::on_bug(std::exception_ptr bug) noexcept
{
    ending_.bug = bug;
    closing_ = true;
}

void Channel::end(std::optional<Error> reason)
{
    ending_.reason = std::move(reason);
    closing_ = true;
    if (!handling_)
        end_later();
}

void Channel::end_later()
{
    if (!std::exchange(settling_, true))
        readiness_.post(&Channel::settle);
}

void Channel::settle()
{
    settling_ = false;
    if (closing_)
        return close();
    if (finishing_ && no_pieces() && rest_ == Rest::none && link_->outlives_host() && !ends_with_session_) {
        finishing_ = false;  // what comes now is another conversation, and perhaps the next host's already
        enter(&ChannelSession::on_detach, session_);
    }
    if (finishing_ && no_pieces() && !linger_) {
        session_.reset();
        if (input_ended_)
            return close();
        if (rest_ == Rest::none && link_->closes_cleanly()) {
            std::error_code ec;
            const std::size_t count = link_->read(chunk_, ec);
            if (count == 0)
                return close();  // nothing unread is left, which would make close() a reset
        }
        link_->end_output();
        linger_on();
    }
    read_next();
}

void Channel::linger_on()
{
    linger_ = timers_.after(linger, std::bind_front(&Channel::close, this));
}

void Channel::close()
{
    session_.reset();
    drop_queue();
    owner_.on_closed(*this, ending_);
}

}  // namespace bellhop::io
