// SPDX-License-Identifier: Apache-2.0
// Binding to any CID and listening works before a vsock transport module is loaded; the listener begins to accept when one comes.
// A socket() that fails with EAFNOSUPPORT means that the kernel has no AF_VSOCK at all.
#include "transports/vsock/vsock.hpp"

#include "io/listener.hpp"
#include "io/socket_link.hpp"
#include "io/socket_peer.hpp"
#include "os/errors.hpp"

#include <charconv>
#include <optional>
#include <sys/socket.h>

// clang-format off: it needs sys/socket.h before it
#include <linux/vm_sockets.h>
// clang-format on

namespace bellhop::transports {
namespace {

class Vsock final : public Transport, private io::Listener::Owner {
public:
    Vsock(asio::io_context& io, Timers& timers, std::string address) : io_(io), timers_(timers), address_(std::move(address)) {}
    Status start(LinkSink&) override;

private:
    void on_accepted(Fd socket) override
    {
        Peer peer = io::vsock_peer(socket.get());
        links_->on_link(std::make_unique<io::SocketLink>(std::move(socket), io::SocketLink::Family::other), std::move(peer));
    }

    asio::io_context& io_;
    Timers& timers_;
    std::string address_;
    LinkSink* links_ = nullptr;
    std::optional<io::Listener> listener_;
};

bool parse_number(std::string_view text, unsigned& number)
{
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    return ec == std::errc() && end == text.data() + text.size();
}

Status Vsock::start(LinkSink& links)
{
    links_ = &links;
    Result<VsockAddress> parsed = parse_vsock(address_);
    if (!parsed)
        return std::move(parsed.error());
    Fd socket(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket && errno == EAFNOSUPPORT)
        return Error{Error::Kind::unsupported,
                     {EAFNOSUPPORT, std::system_category()},
                     "cannot listen on vsock:" + address_ +
                         ": this kernel has no AF_VSOCK (load the module vsock, or give another endpoint)"};
    if (!socket)
        return os::failure("cannot listen on vsock:" + address_);
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = parsed->cid;
    address.svm_port = parsed->port;
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
        ::listen(socket.get(), SOMAXCONN) < 0)
        return os::failure("cannot listen on vsock:" + address_);
    listener_.emplace(io_, timers_, std::move(socket), static_cast<io::Listener::Owner&>(*this));
    return done();
}

}  // namespace

Result<VsockAddress> parse_vsock(std::string_view address)
{
    VsockAddress parsed{VMADDR_CID_ANY, 0};
    const std::size_t colon = address.find(':');
    const std::string_view port = colon == address.npos ? address : address.substr(colon + 1);
    const bool cid_good = colon == address.npos || parse_number(address.substr(0, colon), parsed.cid);
    if (!cid_good || !parse_number(port, parsed.port) || parsed.port == VMADDR_PORT_ANY)
        return Error{Error::Kind::bad_request, {}, "a vsock address is [CID:]PORT, in numbers: '" + std::string(address) + "'"};
    return parsed;
}

std::unique_ptr<Transport> make_vsock(asio::io_context& io, Timers& timers, std::string address)
{
    return std::make_unique<Vsock>(io, timers, std::move(address));
}

}  // namespace bellhop::transports
