// SPDX-License-Identifier: Apache-2.0
// pwrite(2), pread(2), fallocate(2): what is forgotten becomes a hole, which costs nothing.
#include "base/spool.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace bellhop {
namespace {

bool write_all(int file, ByteView bytes, std::uint64_t offset)
{
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(file, bytes.data(), bytes.size(), off_t(offset));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = bytes.subspan(std::size_t(n));
        offset += std::uint64_t(n);
    }
    return true;
}

}  // namespace

bool Spool::append(ByteView bytes)
{
    if (!file_ && (heap_.size() + bytes.size() <= most_on_heap || !move_to_file())) {
        heap_ += text_of(bytes);
        return true;
    }
    if (!write_all(file_.get(), bytes, end() - file_start_))
        return false;
    in_file_ += bytes.size();
    return true;
}

bool Spool::move_to_file()  // false: there is no such thing as a memfd here
{
    Fd file(::memfd_create("bellhop-spool", MFD_CLOEXEC));
    if (!file || !write_all(file.get(), bytes_of(heap_), 0))
        return false;
    file_ = std::move(file);
    file_start_ = begin_;
    in_file_ = heap_.size();
    heap_ = {};
    return true;
}

std::size_t Spool::read(std::uint64_t offset, Chunk to) const
{
    if (offset < begin_ || offset >= end())
        return 0;
    const auto count = std::size_t(std::min<std::uint64_t>(to.size(), end() - offset));
    if (!file_) {
        std::copy_n(bytes_of(heap_).begin() + std::ptrdiff_t(offset - begin_), count, to.begin());
        return count;
    }
    ssize_t n;
    do
        n = ::pread(file_.get(), to.data(), count, off_t(offset - file_start_));
    while (n < 0 && errno == EINTR);
    return n > 0 ? std::size_t(n) : 0;
}

void Spool::forget_before(std::uint64_t offset)
{
    if (offset <= begin_)
        return;
    offset = std::min(offset, end());
    if (file_) {
        ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, off_t(offset - file_start_));
        in_file_ -= offset - begin_;
    } else
        heap_.erase(0, std::size_t(offset - begin_));
    begin_ = offset;
}

}  // namespace bellhop
