// SPDX-License-Identifier: Apache-2.0
// End of input plus hang-up destroys the session; end of input alone is on_input_end(). Everything the peer sent before it hung
// up is delivered first, so a request from `echo … | socat` counts although its sender is gone.
// While input is paused only a hang-up is waited for: a peer that goes away takes its session with it all the same.
//
// Who may end what: anything may set closing_ or finishing_; settle() alone acts on it, at the end of one of our own handlers or
// posted from where somebody else's code is below us on the stack.
#include "io/channel.hpp"

#include <algorithm>
#include <utility>

namespace bellhop::io {
namespace {

constexpr std::size_t perhaps_secret = 4 << 10;  // what is read at once and is no more is a request, not a file's bytes
constexpr int reads_in_a_turn = 16;              // a mebibyte: the others wait for as long

}  // namespace

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
