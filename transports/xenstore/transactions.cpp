// SPDX-License-Identifier: Apache-2.0
// A commit is sent when all that came before it is answered: a write that failed makes it an abort, and the caller hears why.
// After its end the number is dead, and may be given to somebody else: nothing is sent with it any more.
#include "transports/xenstore/transactions.hpp"

#include "transports/xenstore/paths.hpp"

#include <charconv>
#include <utility>

namespace bellhop::transports {

using xenstore::Type;

class XenTransactions::Open final : public Store::Transaction {
public:
    explicit Open(XenTransactions& all) : all_(&all) {}
    ~Open() override { end(End::abort); }  // its session has died, or its body forgot it
    void read(std::string path, std::function<void(Result<std::string>)> answer) override
    {
        if (all_)
            all_->read(path, std::move(answer));
    }
    void write(std::string path, std::string value) override
    {
        if (all_)
            all_->change(Type::write, path, value);
    }
    void remove(std::string path) override
    {
        if (all_)
            all_->change(Type::remove, path, {});
    }
    void commit() override { end(End::commit); }
    void abort() override { end(End::abort); }
    void let_go() { all_ = nullptr; }

private:
    void end(End how)
    {
        if (XenTransactions* all = std::exchange(all_, nullptr))
            all->on_end_asked(how);
    }
    XenTransactions* all_;  // null: it is over
};

XenTransactions::~XenTransactions()
{
    if (open_)
        open_->let_go();
}

void XenTransactions::add(Body body, Done done)
{
    if (asked_.size() >= XenConnection::most_asked)
        return connection_.refuse({Error::Kind::busy, std::make_error_code(std::errc::no_buffer_space), "too many transactions"},
                                  [done = std::move(done)](auto answer) { done(answer.error()); });
    asked_.push_back({std::move(body), std::move(done)});
    if (!running_)
        begin();
}

void XenTransactions::begin()
{
    running_ = true;
    end_ = End::none;
    ending_ = again_ = false;
    error_.reset();
    connection_.ask(Type::transaction_start, 0, {""}, {}, std::bind_front(&XenTransactions::on_begun, this));
}

void XenTransactions::on_begun(Result<std::string_view> answer)
{
    if (!answer)
        return finish(std::move(answer.error()));
    const std::string_view word = xenstore::first_word(*answer);
    id_ = 0;
    std::from_chars(word.data(), word.data() + word.size(), id_);
    if (id_ == 0)  // what is done with this number is done outside of any transaction
        return finish(Error{Error::Kind::failed, std::make_error_code(std::errc::bad_message), "a transaction without a number"});
    const auto open = std::make_shared<Open>(*this);
    open_ = open.get();
    asked_.front().body(open);
    maybe_wait();
}

void XenTransactions::read(const std::string& path, std::function<void(Result<std::string>)> answer)
{
    ++unanswered_;
    connection_.ask(Type::read, id_, {path_in(base_, path)}, {},
                    std::bind_front(&XenTransactions::on_read, this, std::move(answer)));
}

void XenTransactions::on_read(const std::function<void(Result<std::string>)>& answer, Result<std::string_view> value)
{
    --unanswered_;
    if (value)
        answer(std::string(*value));
    else if (value.error().os == std::errc::resource_unavailable_try_again)
        again_ = true;  // the guest was suspended: its body will read anew
    else
        answer(std::move(value.error()));
    maybe_end();
}

void XenTransactions::change(Type type, const std::string& path, std::string_view value)
{
    ++unanswered_;
    connection_.ask(type, id_, {path_in(base_, path)}, value, std::bind_front(&XenTransactions::on_changed, this));
}

void XenTransactions::on_changed(Result<std::string_view> answer)
{
    --unanswered_;
    if (!answer && answer.error().os == std::errc::resource_unavailable_try_again)
        again_ = true;
    else if (!answer && !error_)
        error_ = std::move(answer.error());
    maybe_end();
}

// ---- its end

void XenTransactions::on_end_asked(End how)
{
    open_ = nullptr;
    end_ = how;
    maybe_end();
}

void XenTransactions::on_patience()
{
    error_ = Error{Error::Kind::timed_out, std::make_error_code(std::errc::timed_out), "a transaction was left open"};
    close(End::abort);
}

void XenTransactions::close(End how)
{
    if (open_)
        std::exchange(open_, nullptr)->let_go();
    end_ = how;
    maybe_end();
}

// For the daemon the connection has a clock of its own.
void XenTransactions::maybe_wait()
{
    if (open_ && unanswered_ == 0 && !patience_)
        patience_ = timers_.after(patience, std::bind_front(&XenTransactions::on_patience, this));
}

void XenTransactions::maybe_end()
{
    if (again_ && open_)
        return close(End::abort);
    maybe_wait();
    if (end_ == End::none || unanswered_ > 0 || std::exchange(ending_, true))
        return;
    patience_.reset();
    const bool commit = end_ == End::commit && !error_ && !again_;
    connection_.ask(Type::transaction_end, id_, {commit ? "T" : "F"}, {}, std::bind_front(&XenTransactions::on_ended, this));
}

void XenTransactions::on_ended(Result<std::string_view> answer)
{
    if (again_ || (!answer && answer.error().os == std::errc::resource_unavailable_try_again))
        return begin();
    if (error_)
        return finish(std::move(*error_));
    if (!answer)
        return finish(std::move(answer.error()));
    if (end_ == End::abort)
        return finish(Error{Error::Kind::failed, std::make_error_code(std::errc::operation_canceled), "nothing was changed"});
    finish(done());
}

// What was on its way has been answered by now; what is open waits for its body.
void XenTransactions::on_lost(const Error& why)
{
    if (!open_)
        return;
    std::exchange(open_, nullptr)->let_go();
    patience_.reset();
    finish(why);
}

void XenTransactions::finish(Status status)
{
    const Done done = std::move(asked_.front().done);
    asked_.pop_front();
    running_ = false;
    done(std::move(status));
    if (!running_ && !asked_.empty())
        begin();
}

}  // namespace bellhop::transports
