// SPDX-License-Identifier: Apache-2.0
// Bytes that are kept until somebody reads them, from any place and more than once: the first mebibyte in our memory, more in an
// unlinked file in the kernel's (memfd_create(2)), so that what a command wrote long ago is not on our heap.
#pragma once
#include <bellhop/bytes.hpp>
#include <bellhop/fd.hpp>

#include <cstdint>
#include <string>

namespace bellhop {

class Spool {
public:
    static constexpr std::size_t most_on_heap = 1 << 20;

    std::uint64_t begin() const { return begin_; }  // what is before it was forgotten
    std::uint64_t end() const { return begin_ + size(); }
    std::size_t size() const { return std::size_t(file_ ? in_file_ : heap_.size()); }
    bool append(ByteView);                                // false: the kernel had no memory, and nothing was appended
    std::size_t read(std::uint64_t offset, Chunk) const;  // from begin() on; 0: there is no more
    void forget_before(std::uint64_t offset);

private:
    bool move_to_file();

    std::string heap_;  // until there is a file
    Fd file_;           // its offset 0 is byte file_start_
    std::uint64_t begin_ = 0, file_start_ = 0, in_file_ = 0;
};

}  // namespace bellhop
