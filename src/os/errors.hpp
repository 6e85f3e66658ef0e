// SPDX-License-Identifier: Apache-2.0
// What the kernel said, as an Error: errno(3), strerror(3).
#pragma once
#include "base/os_text.hpp"

#include <bellhop/result.hpp>

#include <cerrno>
#include <string>

namespace bellhop::os {

inline Error::Kind kind_of(int code)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return Error::Kind::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
        return Error::Kind::denied;
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case ENOMEM:
        return Error::Kind::busy;
    case EAFNOSUPPORT:
    case ENOSYS:
    case EOPNOTSUPP:
        return Error::Kind::unsupported;
    default:
        return Error::Kind::failed;
    }
}

// "cannot listen on /run/x: Permission denied"
inline Error failure(const std::string& what, int code = errno)
{
    const std::error_code os(code, std::system_category());
    return {kind_of(code), os, what + ": " + os_text(os)};
}

}  // namespace bellhop::os
