// SPDX-License-Identifier: Apache-2.0
// /proc/xen/xenbus is the same device, but needs its file system mounted, and old kernels hang in it: only where the other is
// not.
#include "transports/xenstore/address.hpp"

#include "io/fd_link.hpp"
#include "io/socket_link.hpp"
#include "os/errors.hpp"

#include <charconv>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace bellhop::transports {
namespace {

using Manner = XenConnection::Manner;

constexpr unsigned reserved_domains = 0x7ff0;  // xen.h: DOMID_FIRST_RESERVED

bool no_such_device(int error)
{
    return error == ENOENT || error == ENODEV || error == ENXIO;
}

Result<XenStore::Opened> open_device(const std::string& path)
{
    Fd file(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!file)
        return os::failure("cannot open " + path);
    return XenStore::Opened{std::make_unique<io::FdLink>(std::move(file)), Manner::device};
}

Result<XenStore::Opened> open_any_device()
{
    auto device = open_device("/dev/xen/xenbus");
    if (device || !no_such_device(device.error().os.value()))
        return device;
    device = open_device("/proc/xen/xenbus");
    if (device || !no_such_device(device.error().os.value()))
        return device;
    return Error{Error::Kind::unsupported, device.error().os,
                 "no XenStore here: neither /dev/xen/xenbus nor /proc/xen/xenbus. Is this a Xen guest?"};
}

}  // namespace

Result<XenAddress> parse_xen_address(std::string_view address)
{
    const std::size_t at = std::min(address.find('@'), address.size());
    XenAddress parsed{std::string(address), {}};
    if (at < address.size() && !address.starts_with('/')) {
        unsigned domain = 0;
        const auto [end, ec] = std::from_chars(address.data(), address.data() + at, domain);
        if (ec != std::errc() || end != address.data() + at || domain >= reserved_domains)
            return Error{
                Error::Kind::bad_request, {}, "'" + std::string(address.substr(0, at)) + "' is not the number of a domain"};
        parsed = {std::string(address.substr(at + 1)), "/local/domain/" + std::to_string(domain) + "/"};
    }
    if (!parsed.path.starts_with('/') && !(parsed.path.empty() && parsed.base.empty()))
        return Error{Error::Kind::bad_request,
                     {},
                     "'" + std::string(address) + "' is no address of a XenStore: nothing, /SOCKET, or DOMAIN@/SOCKET"};
    if (parsed.path.size() >= sizeof(sockaddr_un::sun_path))
        return Error{Error::Kind::bad_request, {}, "a unix socket's path has 107 bytes at most: '" + parsed.path + "'"};
    return parsed;
}

Result<XenStore::Opened> open_xenstore(const std::string& path)
{
    if (path.empty())
        return open_any_device();
    struct stat there;
    if (::stat(path.c_str(), &there) == 0 && S_ISCHR(there.st_mode))
        return open_device(path);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return os::failure("cannot reach a xenstored at " + path);
    return XenStore::Opened{std::make_unique<io::SocketLink>(std::move(socket), io::SocketLink::Family::local), Manner::socket};
}

}  // namespace bellhop::transports
