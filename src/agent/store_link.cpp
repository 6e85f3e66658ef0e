// SPDX-License-Identifier: Apache-2.0
#include "agent/store_link.hpp"

#include <algorithm>
#include <utility>

namespace bellhop {

class StoreLink::One final : private Barrier {
public:
    One(StoreLink& link, const std::string& dialect)
        : link_(link),
          timers_(link.timers_, *this), context_{link.context_.peer,  dialect, link.context_.operations, timers_, *this,
                                                 link.context_.memory},
          view_(*link.store_, *this, std::bind_front(&One::on_trouble, this), std::bind_front(&StoreLink::on_first_event, &link))
    {
    }
    void open(Dialect& dialect)
    {
        enter([this, &dialect] { session_ = dialect.open(view_, context_); });
    }
    bool opened() const { return bool(session_); }
    bool idle() const { return !session_ || session_->idle(); }

private:
    void on_bug(std::exception_ptr bug) noexcept override { link_.on_bug(std::move(bug)); }
    void on_left() noexcept override { link_.on_turn_end(); }
    void on_trouble(const Error& error)
    {
        link_.log_.write(Log::Level::warning, context_.dialect + " over " + context_.peer.name + ": " + error.text);
    }

    StoreLink& link_;
    io::GuardedTimers timers_;
    Context context_;
    StoreView view_;
    std::unique_ptr<StoreSession> session_;
};

StoreLink::StoreLink(asio::io_context& io, Timers& timers, std::unique_ptr<Store> store, Context context, Log& log, Owner& owner)
    : timers_(timers), store_(std::move(store)), context_(std::move(context)), log_(log), owner_(owner), soon_(io, -1, *this)
{
}

StoreLink::~StoreLink()
{
    sessions_.clear();  // while the store is still there
}

Status StoreLink::open(const std::string& name, Dialect& dialect)
{
    One& one = sessions_.emplace_back(*this, name);
    ++waiting_;
    one.open(dialect);
    if (one.opened() || bug_)
        return done();
    return Error{Error::Kind::unsupported, {}, "the dialect '" + name + "' is not spoken over " + peer().name};
}

void StoreLink::end_when_idle()
{
    draining_ = true;
    on_turn_end();
}

void StoreLink::on_first_event()
{
    if (--waiting_ == 0)
        owner_.on_standing();
}

void StoreLink::on_bug(std::exception_ptr bug)
{
    if (!bug_)
        bug_ = std::move(bug);
    end_soon();
}

void StoreLink::on_turn_end()
{
    if (draining_ && std::all_of(sessions_.begin(), sessions_.end(), [](const One& one) { return one.idle(); }))
        end_soon();
}

void StoreLink::end_soon()
{
    if (!std::exchange(ending_, true))
        soon_.post(&StoreLink::end);
}

}  // namespace bellhop
