// SPDX-License-Identifier: Apache-2.0
// operator new of the program. In the release binary (musl, one thread) small pieces come from os/small_pool, the rest from
// malloc; glibc's malloc needs no such help. What is given back is wiped, because a request that held a password lived in many
// pieces (a growing text, values that moved); only what is too large for a request of that kind is a file's bytes, and stays.
// Sanitizers bring their own.
#include "os/small_pool.hpp"

#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BELLHOP_OTHER_NEW
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define BELLHOP_OTHER_NEW
#endif

#ifndef BELLHOP_OTHER_NEW

namespace {

constexpr std::size_t most_wiped = 4096;

#ifdef __GLIBC__
struct {
    static void* take(std::size_t) { return nullptr; }
    static bool has(const void*) { return false; }
    static void give(void*) {}
} pool;
#else
constinit bellhop::os::SmallPool pool;
#endif

}  // namespace

void* operator new(std::size_t size)
{
    void* piece = pool.take(size);
    if (!piece)
        piece = std::malloc(size > 0 ? size : 1);
    if (!piece)
        throw std::bad_alloc();
    return piece;
}

void operator delete(void* piece) noexcept
{
    if (pool.has(piece))
        return pool.give(piece);
    if (const std::size_t size = ::malloc_usable_size(piece); size <= most_wiped)
        ::explicit_bzero(piece, size);
    std::free(piece);
}

void operator delete(void* piece, std::size_t) noexcept
{
    operator delete(piece);
}

#endif
