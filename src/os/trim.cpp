// SPDX-License-Identifier: Apache-2.0
// ioctl_fs(2): FITRIM.
#include "os/trim.hpp"

#include "os/errors.hpp"

#include <bellhop/fd.hpp>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

namespace bellhop::os {

Result<Trimmed> trim(const std::string& directory, std::uint64_t minimum)
{
    const Fd mount(::open(directory.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!mount)
        return failure("failed to open");
    fstrim_range range{0, UINT64_MAX, minimum};
    if (::ioctl(mount.get(), FITRIM, &range) == 0)
        return Trimmed{range.len, range.minlen};
    if (errno == ENOTTY || errno == EOPNOTSUPP)
        return Error{Error::Kind::unsupported, {errno, std::system_category()}, "trim not supported"};
    return failure("failed to trim");
}

}  // namespace bellhop::os
