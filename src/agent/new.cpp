// SPDX-License-Identifier: Apache-2.0
// operator new of the release binary (musl, one thread): small pieces from os/small_pool, the rest from malloc. glibc's malloc
// needs no such help, and sanitizers bring their own.
#include "os/small_pool.hpp"

#include <cstdlib>
#include <new>

#if !defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)

namespace {
constinit bellhop::os::SmallPool pool;
}

void* operator new(std::size_t size)
{
    void* piece = pool.take(size);
    if (!piece)
        piece = std::malloc(size);
    if (!piece)
        throw std::bad_alloc();
    return piece;
}

void operator delete(void* piece) noexcept
{
    if (pool.has(piece))
        pool.give(piece);
    else
        std::free(piece);
}

void operator delete(void* piece, std::size_t) noexcept
{
    operator delete(piece);
}

#endif
