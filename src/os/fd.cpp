// SPDX-License-Identifier: Apache-2.0
// Closing is the one thing Fd needs from the system, so the contract header stays free of <unistd.h>. close(2).
#include <bellhop/fd.hpp>

#include <unistd.h>

namespace bellhop {

Fd::~Fd()
{
    if (fd_ >= 0)
        ::close(fd_);
}

}  // namespace bellhop
