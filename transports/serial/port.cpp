// SPDX-License-Identifier: Apache-2.0
// /dev/virtio-ports/NAME is a link that udev makes. Without udev the kernel's own names are asked: every port has a directory in
// /sys/class/virtio-ports, called like its device in /dev (devtmpfs), with its name inside. The name may come a moment after the
// port: the host tells it in a message of its own.
#include "transports/serial/port.hpp"

#include "os/errors.hpp"
#include "os/text_file.hpp"

#include <climits>

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

namespace bellhop::transports {
namespace {

constexpr std::string_view by_name = "/dev/virtio-ports/";

bool is_number(const std::string& text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Raw, eight bits, no flow control that a host would have to know of. What came before us was for somebody else.
bool make_raw(int line)
{
    termios settings;
    if (::tcgetattr(line, &settings) < 0)
        return false;
    ::cfmakeraw(&settings);
    ::cfsetspeed(&settings, B38400);
    settings.c_cflag &= ~tcflag_t(CSTOPB | CRTSCTS);
    settings.c_cflag |= CREAD | CLOCAL;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    return ::tcsetattr(line, TCSANOW, &settings) == 0 && ::tcflush(line, TCIFLUSH) == 0;
}

Error taken(const std::string& what, const std::string& device)
{
    char real[PATH_MAX];
    const std::string holder = ::realpath(device.c_str(), real) ? holder_of(real) : std::string();
    return {Error::Kind::busy,
            {EBUSY, std::system_category()},
            what + ": " + device + " is held by " + (holder.empty() ? "another program" : holder)};
}

}  // namespace

std::string find_port(const std::string& name, const std::string& root)
{
    const std::string link = root + std::string(by_name) + name;
    if (::access(link.c_str(), F_OK) == 0)
        return link;
    const std::string ports = root + "/sys/class/virtio-ports";
    for (const std::string& port : os::names_in(ports))
        if (os::first_line(ports + "/" + port + "/name") == name)
            return root + "/dev/" + port;
    return {};
}

// By what the links say, so that nothing is touched which may hang.
std::string holder_of(const std::string& device, const std::string& proc)
{
    for (const std::string& pid : os::names_in(proc)) {
        const std::string process = proc + "/" + pid;
        if (!is_number(pid))
            continue;
        for (const std::string& fd : os::names_in(process + "/fd")) {
            char target[PATH_MAX];
            const ssize_t size = ::readlink((process + "/fd/" + fd).c_str(), target, sizeof target);
            if (size > 0 && std::string_view(target, std::size_t(size)) == device)
                return os::first_line(process + "/comm") + " (pid " + pid + ")";
        }
    }
    return {};
}

Result<std::unique_ptr<PortLink>> open_port(const std::string& address)
{
    const std::string what = "cannot use serial:" + address;
    const bool is_path = address.starts_with('/');
    std::string device = address;
    if (!is_path || (address.starts_with(by_name) && ::access(address.c_str(), F_OK) < 0))
        device = find_port(is_path ? address.substr(by_name.size()) : address);
    if (device.empty())
        return Error{Error::Kind::not_found,
                     {ENOENT, std::system_category()},
                     what + ": there is no virtio port of that name (is the driver loaded: virtio_console?)"};
    Fd port(::open(device.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    if (!port && errno == EBUSY)
        return taken(what, device);
    struct stat about;
    if (!port || ::fstat(port.get(), &about) < 0)
        return os::failure(what);
    const bool line = ::isatty(port.get());
    if (!S_ISCHR(about.st_mode))
        return Error{Error::Kind::bad_request, {}, what + ": " + device + " is not a serial port"};
    if (line && !make_raw(port.get()))
        return os::failure(what);
    auto link = PortLink::make(std::move(port), line ? PortLink::Kind::line : PortLink::Kind::virtio);
    if (!link)
        link.error().text = what + ": " + os_text(link.error().os);
    return link;
}

}  // namespace bellhop::transports
