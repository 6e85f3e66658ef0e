// SPDX-License-Identifier: Apache-2.0
// A link that ends is replaced: the port was unplugged, the line hung up, or a session had a bug. After a rest, so that a bug
// does not become a spin, and when the kernel says that something has come: a port plugged in again is served at once.
#include "transports/serial/serial.hpp"

#include "os/readiness.hpp"
#include "os/uevents.hpp"
#include "transports/serial/port.hpp"

#include <optional>
#include <utility>

namespace bellhop::transports {
namespace {

constexpr std::chrono::seconds reopen_wait{1};  // before a port is opened again
constexpr std::chrono::seconds retry{5};        // between further attempts: nobody tells when another agent lets go of it
constexpr std::string_view wait_option = ",wait";

class Serial final : public Transport, private PortLink::Owner {
public:
    Serial(asio::io_context& io, Timers& timers, std::string address)
        : io_(io), timers_(timers), address_(std::move(address)), soon_(io, -1, *this)
    {
        patient_ = address_.ends_with(wait_option);
        if (patient_)
            address_.resize(address_.size() - wait_option.size());
    }
    ~Serial() override
    {
        if (link_)
            link_->set_owner(nullptr);
    }
    Status start(LinkSink&) override;

private:
    void hand_on();
    void on_link_end() noexcept override;
    void look_out(std::chrono::milliseconds at_most);
    void on_uevent();
    void try_again();

    asio::io_context& io_;
    Timers& timers_;
    std::string address_;
    bool patient_ = false;
    LinkSink* links_ = nullptr;
    std::unique_ptr<PortLink> opened_;  // until the loop has it
    PortLink* link_ = nullptr;          // the agent's
    Fd uevents_;
    std::optional<os::Readiness<Serial>> uevent_;
    std::unique_ptr<Timer> retry_;
    std::string said_;  // the last trouble: once is enough
    os::Readiness<Serial> soon_;
};

Status Serial::start(LinkSink& links)
{
    links_ = &links;
    auto link = open_port(address_);
    if (link) {
        opened_ = std::move(*link);
        soon_.post(&Serial::hand_on);  // links come from the loop
    } else if (patient_ && link.error().kind != Error::Kind::bad_request) {
        links_->on_trouble(link.error());
        said_ = link.error().text;
        look_out(retry);
    } else
        return std::move(link.error());
    return done();
}

void Serial::hand_on()
{
    link_ = opened_.get();
    link_->set_owner(this);
    links_->on_link(std::move(opened_), {"serial", "serial " + address_, {}, {}, {}});
}

void Serial::on_link_end() noexcept
{
    link_ = nullptr;
    look_out(reopen_wait);
}

void Serial::look_out(std::chrono::milliseconds at_most)
{
    if (!uevents_ && (uevents_ = os::open_uevents())) {
        uevent_.emplace(io_, uevents_.get(), *this);
        uevent_->wait_readable(&Serial::on_uevent);
    }
    retry_ = timers_.after(at_most, std::bind_front(&Serial::try_again, this));
}

void Serial::on_uevent()
{
    const bool ours = os::uevents_about(uevents_.get(), {"virtio-ports", "tty"});
    uevent_->wait_readable(&Serial::on_uevent);
    if (ours)
        try_again();
}

void Serial::try_again()
{
    auto link = open_port(address_);
    if (link) {
        retry_.reset();
        uevent_.reset();
        uevents_ = Fd();
        said_.clear();
        opened_ = std::move(*link);
        return hand_on();
    }
    if (std::exchange(said_, link.error().text) != link.error().text)
        links_->on_trouble(link.error());
    look_out(retry);
}

}  // namespace

std::unique_ptr<Transport> make_serial(asio::io_context& io, Timers& timers, std::string address)
{
    return std::make_unique<Serial>(io, timers, std::move(address));
}

}  // namespace bellhop::transports
