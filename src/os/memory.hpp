// SPDX-License-Identifier: Apache-2.0
// Freed memory that the C library keeps for later goes back to the kernel: after a burst, and not often (it takes microseconds
// to milliseconds). malloc_trim(3); musl gives large pieces back by itself.
#pragma once
#include <cstdlib>  // for __GLIBC__

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace bellhop::os {

inline void give_back_free_memory()
{
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

}  // namespace bellhop::os
