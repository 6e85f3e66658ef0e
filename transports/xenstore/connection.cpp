// SPDX-License-Identifier: Apache-2.0
#include "transports/xenstore/connection.hpp"

#include "os/errors.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace bellhop::transports {
namespace {

using xenstore::Type;

constexpr std::size_t most_at_once = 4096;  // in one call, and a message

// What gives something back has to go out, however much is asked.
bool always_taken(Type type)
{
    return type == Type::watch || type == Type::unwatch || type == Type::transaction_end;
}

std::string subject_of(const std::string& message)  // for people
{
    return std::string(xenstore::first_word(std::string_view(message).substr(xenstore::header_size)));
}

}  // namespace

XenConnection::XenConnection(asio::io_context& io, Timers& timers, Owner& owner)
    : io_(io), timers_(timers), owner_(owner), soon_(io, -1, *this)
{
}

void XenConnection::open(std::unique_ptr<ByteLink> link, Manner manner)
{
    link_ = std::move(link);
    manner_ = manner;
    reader_ = {};
    blocked_ = false;
    readiness_.emplace(io_, link_->descriptor(), *this);
    readiness_->wait_readable(&XenConnection::on_readable);
}

void XenConnection::ask(Type type, std::uint32_t transaction, std::initializer_list<std::string_view> words,
                        std::string_view rest, Answer answer)
{
    if (!link_)
        return refuse({Error::Kind::busy, std::make_error_code(std::errc::not_connected), "the store is away"},
                      std::move(answer));
    if (asked_.size() >= most_asked && !always_taken(type))
        return refuse({Error::Kind::busy, std::make_error_code(std::errc::no_buffer_space), "too much is asked of the store"},
                      std::move(answer));
    const std::size_t longest = manner_ == Manner::device ? xenstore::max_device_payload : xenstore::max_payload;
    auto message = xenstore::message({type, ++last_number_, transaction}, words, rest, longest);
    if (!message)
        return refuse(std::move(message.error()), std::move(answer));
    const Place at = asked_.insert(asked_.end(), {type, last_number_, std::move(*message), std::move(answer), {}});
    if (unsent_ == asked_.end())
        unsent_ = at;
    write_next();
}

void XenConnection::refuse(Error error, Answer answer)
{
    const Place at = asked_.insert(asked_.end(), {Type::error, 0, {}, std::move(answer), std::move(error)});
    if (unsent_ == asked_.end())
        unsent_ = at;
    answer_refused_soon();
}

// ---- out

// What is asked while answers are heard leaves together behind them: one call for a socket, and one wake-up of the daemon.
void XenConnection::write_next()
{
    const std::size_t most = manner_ == Manner::device ? 1 : most_on_the_way;
    while (link_ && !hearing_ && !blocked_ && flush() && unsent_ != asked_.end() && on_the_way_ < most)
        for (; unsent_ != asked_.end() && on_the_way_ < most && out_.size() < most_at_once; ++unsent_)
            if (!unsent_->error) {
                out_ += unsent_->message;
                ++on_the_way_;
            }
    if (link_ && on_the_way_ > 0 && !patience_) {
        heard_ = false;
        patience_ = timers_.after(patience, std::bind_front(&XenConnection::on_patience, this));
    }
}

bool XenConnection::flush()  // false: not now, or never
{
    while (!out_.empty()) {
        std::error_code ec;
        out_.erase(0, link_->write(bytes_of(out_), ByteLink::More::no, ec));
        if (!ec)
            continue;
        if (manner_ == Manner::device) {  // the only one on the way
            Asked& asked = *std::prev(unsent_);
            asked.error = os::failure(subject_of(asked.message) + " in the store", ec.value());
            on_the_way_ = 0;
            out_.clear();
            answer_refused_soon();
            break;
        }
        if (ec == std::errc::operation_would_block) {
            blocked_ = true;
            readiness_->wait_writable(&XenConnection::on_writable);
        } else
            lose(os::failure("cannot write to the store", ec.value()));
        return false;
    }
    return true;
}

void XenConnection::on_writable()
{
    blocked_ = false;
    write_next();
}

// ---- in

void XenConnection::on_readable()
{
    std::array<std::byte, 8192> chunk;
    std::error_code ec;
    const std::size_t count = link_->read(chunk, ec);
    if (ec && ec != std::errc::operation_would_block)
        return lose(os::failure("cannot read from the store", ec.value()));
    if (!ec && count == 0)
        return lose({Error::Kind::failed, std::make_error_code(std::errc::connection_reset), "the store has gone"});
    hearing_ = true;
    hear(ByteView(chunk).first(count));
    answer_refused();
    hearing_ = false;
    if (!link_)
        return;
    write_next();
    if (!link_)
        return;
    if (on_the_way_ == 0)
        patience_.reset();
    readiness_->wait_readable(&XenConnection::on_readable);
}

void XenConnection::hear(ByteView input)
{
    while (link_) {
        const auto message = reader_.next(input);
        if (!message)
            return lose(message.error());
        if (!*message)
            return;
        on_message(**message);
    }
}

void XenConnection::on_message(const xenstore::Message& message)
{
    if (message.type == Type::watch_event)  // its number says nothing: it may be anybody's stack
        return owner_.on_event(xenstore::event_of(message.payload));
    const Place at = asker_of(message);
    if (at == unsent_)
        return;  // nobody asked
    heard_ = true;
    if (message.type == at->type)
        return answer(at, message.payload);
    if (message.type != Type::error)
        return lose({Error::Kind::failed, std::make_error_code(std::errc::bad_message), "the store answered another question"});
    const std::error_code code = xenstore::code_of(xenstore::first_word(message.payload));
    answer(at, os::failure(subject_of(at->message) + " in the store", code.value()));
}

XenConnection::Place XenConnection::asker_of(const xenstore::Message& message)  // unsent_: there is none
{
    return std::find_if(asked_.begin(), unsent_, [&](const Asked& one) {
        return !one.error && (manner_ == Manner::device || one.number == message.request);
    });
}

void XenConnection::answer(Place at, Result<std::string_view> result)
{
    const Asked asked = std::move(*at);
    asked_.erase(at);
    if (!asked.error)
        --on_the_way_;
    asked.answer(std::move(result));
}

void XenConnection::answer_refused_soon()
{
    if (!std::exchange(refused_, true))
        soon_.post(&XenConnection::answer_refused);
}

// What is refused in one of the calls has another turn: whoever asks at once again must not keep the loop to itself.
void XenConnection::answer_refused()
{
    refused_ = false;
    for (std::size_t left = asked_.size(); left > 0 && !asked_.empty() && asked_.front().error; --left) {
        if (unsent_ == asked_.begin())
            ++unsent_;
        answer(asked_.begin(), *asked_.front().error);
    }
}

// ---- its end

void XenConnection::on_patience()
{
    patience_.reset();
    if (on_the_way_ > 0 && !heard_)
        return lose({Error::Kind::timed_out, std::make_error_code(std::errc::timed_out),
                     "the store has not answered for " + std::to_string(patience.count()) + " s"});
    write_next();
}

void XenConnection::lose(Error why)
{
    if (!link_)
        return;
    lost_ = std::move(why);
    link_.reset();
    readiness_.reset();
    patience_.reset();
    soon_.post(&XenConnection::on_lost);
}

void XenConnection::on_lost()
{
    const Error why = *std::exchange(lost_, std::nullopt);
    const std::list<Asked> asked = std::exchange(asked_, {});
    unsent_ = asked_.end();
    on_the_way_ = 0;
    out_.clear();
    for (const Asked& one : asked)
        one.answer(one.error.value_or(why));
    owner_.on_lost(why);
}

}  // namespace bellhop::transports
