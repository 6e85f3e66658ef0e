// SPDX-License-Identifier: Apache-2.0
// Long answers: text, and between it bytes in base64 that are fetched as the peer takes them.
#pragma once
#include "base/spool.hpp"
#include "dialect/qga/state.hpp"

#include <vector>

namespace bellhop::qga {

// What one answer carries at most, and to a peer that refuses longer lines (libvirt: 10 MiB), in bytes before base64.
constexpr std::int64_t most_count = 48 << 20;
constexpr std::size_t most_for_libvirt = 7 << 20;
// In base64, and with its names, it fills two of the largest buffers that a unix socket has: 48832 bytes each. A multiple of 3.
constexpr std::size_t piece_size = 73'200;

// Where a piece is put together. Its memory is a spare one's if there is such, and becomes one.
class Piece {
public:
    explicit Piece(SpareMemory& spare) : spare_(spare) { bytes_.swap(spare.piece); }
    Piece(const Piece&) = delete;
    ~Piece() { spare_.keep(spare_.piece, std::move(bytes_)); }
    void resize(std::size_t size)
    {
        if (size > bytes_.size())
            bytes_.resize(size);
        size_ = size;
    }
    std::size_t size() const { return size_; }
    Chunk bytes() { return {reinterpret_cast<std::byte*>(bytes_.data()), size_}; }

private:
    SpareMemory& spare_;
    std::string bytes_;
    std::size_t size_ = 0;
};

class Parts final : public LongAnswer {
public:
    explicit Parts(SpareMemory& spare) : piece_(spare) {}
    void text(std::string_view more);
    void base64(std::shared_ptr<const Spool>, std::uint64_t from, std::size_t count);  // which stays there till it is taken
    bool next(std::string& out) override;

private:
    struct Part {
        std::string text;
        std::shared_ptr<const Spool> spool;
        std::uint64_t from = 0;
        std::size_t count = 0;
    };
    std::vector<Part> parts_;
    std::size_t first_ = 0;
    Piece piece_;
};

}  // namespace bellhop::qga
