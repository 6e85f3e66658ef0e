// SPDX-License-Identifier: Apache-2.0
// glibc's words where musl has others. strerror(3).
#include "base/os_text.hpp"

#include <cerrno>
#include <utility>

namespace bellhop {
namespace {

constexpr std::pair<int, const char*> texts[] = {
    {EADDRINUSE, "Address already in use"},
    {EADDRNOTAVAIL, "Cannot assign requested address"},
    {EBUSY, "Device or resource busy"},
    {ECHILD, "No child processes"},
    {EDEADLK, "Resource deadlock avoided"},
    {EDQUOT, "Disk quota exceeded"},
    {EHOSTUNREACH, "No route to host"},
    {EIO, "Input/output error"},
    {ELOOP, "Too many levels of symbolic links"},
    {EMFILE, "Too many open files"},
    {ENAMETOOLONG, "File name too long"},
    {ENETUNREACH, "Network is unreachable"},
    {ENOMEM, "Cannot allocate memory"},
    {ENOTSOCK, "Socket operation on non-socket"},
    {ENOTTY, "Inappropriate ioctl for device"},
    {EOPNOTSUPP, "Operation not supported"},
    {EOVERFLOW, "Value too large for defined data type"},
    {ESPIPE, "Illegal seek"},
    {ETIMEDOUT, "Connection timed out"},
    {EXDEV, "Invalid cross-device link"},
};

}  // namespace

std::string os_text(const std::error_code& code)
{
    if (code.category() == std::system_category())
        for (const auto& [number, text] : texts)
            if (number == code.value())
                return text;
    return code.message();
}

}  // namespace bellhop
