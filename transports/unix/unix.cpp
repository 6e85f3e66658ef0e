// SPDX-License-Identifier: Apache-2.0
// A socket file outlives its listener, so one that nobody answers on is replaced; one that somebody does is not ours to take
// (transports/unix/claim). At the end only what is still our own is removed.
#include "transports/unix/unix.hpp"

#include "io/listener.hpp"
#include "io/socket_link.hpp"
#include "io/socket_peer.hpp"
#include "os/errors.hpp"
#include "transports/unix/claim.hpp"

#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace bellhop::transports {
namespace {

class Unix final : public Transport, private io::Listener::Owner {
public:
    Unix(asio::io_context& io, Timers& timers, std::string path) : io_(io), timers_(timers), path_(std::move(path)) {}
    ~Unix() override;
    Status start(LinkSink&) override;

private:
    void on_accepted(Fd socket) override
    {
        Peer peer = io::unix_peer(socket.get());
        links_->on_link(std::make_unique<io::SocketLink>(std::move(socket), io::SocketLink::Family::local), std::move(peer));
    }

    asio::io_context& io_;
    Timers& timers_;
    std::string path_;
    LinkSink* links_ = nullptr;
    struct stat made_ {};  // what bind() made, so that only that is removed
    std::optional<io::Listener> listener_;
};

Unix::~Unix()
{
    struct stat there;
    if (listener_ && ::lstat(path_.c_str(), &there) == 0 && there.st_ino == made_.st_ino && there.st_dev == made_.st_dev)
        ::unlink(path_.c_str());
}

Status Unix::start(LinkSink& links)
{
    links_ = &links;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.empty() || path_.size() >= sizeof address.sun_path)
        return Error{Error::Kind::bad_request, {}, "a unix socket's path has 1 to 107 bytes: '" + path_ + "'"};
    path_.copy(address.sun_path, path_.size());
    const Result<Claim> claim = Claim::on(path_, address);
    if (!claim)
        return claim.error();
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // Linux takes the file's mode from the socket's own, so that no umask has to change and no one gets in before a chmod().
    const bool bound = ::fchmod(socket.get(), 0600) == 0 &&
                       ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    if (!bound || ::listen(socket.get(), SOMAXCONN) < 0)
        return os::failure("cannot listen on " + path_);
    ::lstat(path_.c_str(), &made_);
    listener_.emplace(io_, timers_, std::move(socket), static_cast<io::Listener::Owner&>(*this));
    return done();
}

}  // namespace

std::unique_ptr<Transport> make_unix(asio::io_context& io, Timers& timers, std::string path)
{
    return std::make_unique<Unix>(io, timers, std::move(path));
}

}  // namespace bellhop::transports
