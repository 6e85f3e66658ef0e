// SPDX-License-Identifier: Apache-2.0
// A chunk is aligned to its size, so a piece's chunk is found by its address. Pieces are first handed out from the front, so
// the pages behind the most that was ever in use are never touched. mmap(2), madvise(2).
#include "os/small_pool.hpp"

#include <cstring>
#include <new>
#include <sys/mman.h>

namespace bellhop::os {
namespace {

constexpr std::size_t sizes[] = {32, 64, 96, 128, 192, 256, 384, 512, 768, 1280};

std::size_t kind_of(std::size_t size)
{
    std::size_t kind = 0;
    while (sizes[kind] < size)
        ++kind;
    return kind;
}

}  // namespace

struct SmallPool::Chunk {
    Chunk *before, *after;
    Free* free;
    std::uint32_t kind, live, fresh;  // fresh: where the part begins that was never handed out
    bool full() const { return !free && fresh + sizes[kind] > chunk_size; }
};

void* SmallPool::take(std::size_t size)
{
    if (size > largest)
        return nullptr;
    const std::size_t kind = kind_of(size);
    Chunk* chunk = partial_[kind] ? partial_[kind] : fresh_chunk(kind);
    if (!chunk)
        return nullptr;
    void* piece = chunk->free;
    if (piece)
        chunk->free = chunk->free->next;
    else {
        piece = reinterpret_cast<std::byte*>(chunk) + chunk->fresh;
        chunk->fresh += std::uint32_t(sizes[kind]);
    }
    ++chunk->live;
    if (chunk->full())
        unlink(*chunk);
    return piece;
}

void SmallPool::give(void* piece)
{
    Chunk& chunk = *reinterpret_cast<Chunk*>(reinterpret_cast<std::uintptr_t>(piece) & ~(chunk_size - 1));
    if (chunk.full())
        link(chunk);
    ::explicit_bzero(piece, sizes[chunk.kind]);
    chunk.free = new (piece) Free{chunk.free};
    if (--chunk.live > 0 || (!chunk.before && !chunk.after))
        return;
    unlink(chunk);
    ::madvise(&chunk, chunk_size, MADV_DONTNEED);
    empty_ = new (&chunk) Free{empty_};
}

SmallPool::Chunk* SmallPool::fresh_chunk(std::size_t kind)
{
    if (refused_)
        return nullptr;
    if (base_ == 0) {
        void* range =
            ::mmap(nullptr, reserved + chunk_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        refused_ = range == MAP_FAILED;
        if (refused_)
            return nullptr;
        base_ = (reinterpret_cast<std::uintptr_t>(range) + chunk_size - 1) & ~(chunk_size - 1);
    }
    void* place = empty_;
    if (place)
        empty_ = empty_->next;
    else if (used_ < reserved) {
        place = reinterpret_cast<void*>(base_ + used_);
        used_ += chunk_size;
    } else
        return nullptr;
    Chunk* chunk = new (place) Chunk{nullptr, nullptr, nullptr, std::uint32_t(kind), 0, 64};
    static_assert(sizeof(Chunk) <= 64);
    link(*chunk);
    return chunk;
}

void SmallPool::link(Chunk& chunk)
{
    chunk.before = nullptr;
    chunk.after = partial_[chunk.kind];
    if (chunk.after)
        chunk.after->before = &chunk;
    partial_[chunk.kind] = &chunk;
}

void SmallPool::unlink(Chunk& chunk)
{
    if (chunk.before)
        chunk.before->after = chunk.after;
    else
        partial_[chunk.kind] = chunk.after;
    if (chunk.after)
        chunk.after->before = chunk.before;
    chunk.before = chunk.after = nullptr;
}

}  // namespace bellhop::os
