// SPDX-License-Identifier: Apache-2.0
// A store finds its daemon again by itself. One that its agent ends (a session had a bug, there were too many connections) is
// replaced after a rest, which doubles: what is in the store that a session stumbles over, is there the next time, too.
#include "transports/xenstore/xenstore.hpp"

#include "transports/xenstore/address.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace bellhop::transports {
namespace {

constexpr std::chrono::seconds first_rest{1}, longest_rest{60};

class Xenstore final : public Transport, private XenStore::Owner {
public:
    Xenstore(asio::io_context& io, Timers& timers, std::string address)
        : io_(io), timers_(timers), address_(std::move(address)), soon_(io, -1, *this)
    {
    }
    ~Xenstore() override
    {
        if (store_)
            store_->set_owner(nullptr);
    }
    Status start(LinkSink&) override;

private:
    void hand_on();
    void on_store_trouble(const Error& error) override { links_->on_trouble(error); }
    void on_store_end() noexcept override;
    void try_again();

    asio::io_context& io_;
    Timers& timers_;
    const std::string address_;
    XenAddress parsed_;
    LinkSink* links_ = nullptr;
    std::optional<XenStore::Opened> opened_;  // until the loop has it
    XenStore* store_ = nullptr;               // the agent's
    std::chrono::seconds rest_ = first_rest;
    std::unique_ptr<Timer> retry_;
    os::Readiness<Xenstore> soon_;
};

Status Xenstore::start(LinkSink& links)
{
    links_ = &links;
    auto parsed = parse_xen_address(address_);
    if (!parsed)
        return std::move(parsed.error());
    parsed_ = std::move(*parsed);
    auto opened = open_xenstore(parsed_.path);
    if (!opened)
        return std::move(opened.error());
    opened_ = std::move(*opened);
    soon_.post(&Xenstore::hand_on);  // stores come from the loop
    return done();
}

void Xenstore::hand_on()
{
    auto store = std::make_unique<XenStore>(io_, timers_, std::bind_front(&open_xenstore, parsed_.path), parsed_.base,
                                            *std::exchange(opened_, std::nullopt));
    store_ = store.get();
    store_->set_owner(this);
    links_->on_store(std::move(store), {"xenstore", "xenstore " + address_, {}, {}, {}});
}

void Xenstore::on_store_end() noexcept
{
    store_ = nullptr;
    retry_ = timers_.after(rest_, std::bind_front(&Xenstore::try_again, this));
    rest_ = std::min(2 * rest_, longest_rest);
}

void Xenstore::try_again()
{
    auto opened = open_xenstore(parsed_.path);
    if (!opened) {
        links_->on_trouble(opened.error());
        retry_ = timers_.after(longest_rest, std::bind_front(&Xenstore::try_again, this));
        return;
    }
    opened_ = std::move(*opened);
    hand_on();
}

}  // namespace

std::unique_ptr<Transport> make_xenstore(asio::io_context& io, Timers& timers, std::string address)
{
    return std::make_unique<Xenstore>(io, timers, std::move(address));
}

}  // namespace bellhop::transports
