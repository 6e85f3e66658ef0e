// SPDX-License-Identifier: Apache-2.0
// Small pieces of memory, last freed first taken, so that a loop that does the same thing ten thousand times touches the same
// pages ten thousand times. (musl's malloc goes round all slots of a group, and round all places for groups: 190 KiB for a few
// hundred commands of 10 KiB each, measured.) Chunks that hold nothing any more go back to the kernel, but for one of each size
// and the first page of each, which keeps the list of them.
// For one thread. It never gives its address range back.
#pragma once
#include <cstddef>
#include <cstdint>

namespace bellhop::os {

class SmallPool {
public:
    static constexpr std::size_t largest = 1280;

    void* take(std::size_t size);  // nullptr: too large, or no room left: ask malloc
    bool has(const void* piece) const
    {
        const auto at = reinterpret_cast<std::uintptr_t>(piece);
        return base_ != 0 && at - base_ < reserved;
    }
    void give(void* piece);  // has(piece). It is wiped

private:
    static constexpr std::size_t chunk_size = 16 << 10, reserved = 16 << 20, kinds = 10;
    struct Chunk;
    struct Free {
        Free* next;
    };

    Chunk* fresh_chunk(std::size_t kind);
    void link(Chunk&);
    void unlink(Chunk&);

    std::uintptr_t base_ = 0;     // 0: nothing is reserved yet
    bool refused_ = false;        // and nothing will be: the kernel had no room
    std::size_t used_ = 0;        // of the reserved bytes, from the front
    Free* empty_ = nullptr;       // chunks that were given back
    Chunk* partial_[kinds] = {};  // by size: those with a free piece
};

}  // namespace bellhop::os
