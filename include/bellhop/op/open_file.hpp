// SPDX-License-Identifier: Apache-2.0
// open_file: open a file to read or write parts of it. It is read and written on the loop, in pieces: of what is no regular file
// (a FIFO, a terminal) only what is there.
#pragma once
#include <bellhop/context.hpp>

#include <memory>
#include <optional>
#include <string>

namespace bellhop::op {

// Dropping it closes it. A FIFO without a byte to be had is Kind::busy, EAGAIN. A write while file systems are frozen is
// Kind::busy without an errno, and has not happened. On the loop's thread only, and not after the agent's end.
class OpenedFile {
public:
    enum class From { start, position, end };
    virtual ~OpenedFile() = default;
    virtual Result<std::size_t> read(Chunk) = 0;      // at the position, which moves on. 0: the end. As read(2), EINTR apart
    virtual Result<std::size_t> write(ByteView) = 0;  // as write(2): possibly not all
    virtual Result<std::size_t> read_at(Chunk, std::uint64_t offset) = 0;  // the position stays
    virtual Result<std::size_t> write_at(ByteView, std::uint64_t offset) = 0;
    virtual Result<std::uint64_t> seek(std::int64_t offset, From) = 0;  // lseek(2); the new position
    virtual std::optional<std::uint64_t> size() const = 0;              // now, of a regular file; 0 of those that do not know it
    virtual bool may_hang() const = 0;        // it is on a file system that another machine or a process answers for
    virtual void ask_its_server() const = 0;  // and wait until it does: for a child only
    virtual Status close() = 0;               // to hear what close(2) says; nothing may follow
};

struct OpenFile {
    static constexpr OperationInfo info{"open_file", "open a file to read or write parts of it", true};
    struct Request {
        std::string path;  // relative: to the agent's working directory
        bool read = true, write = false;
        bool append = false, truncate = false;
        std::optional<unsigned> create{};  // permission bits of a new file, whatever the umask; none: there must be one
    };
    struct Answer {
        std::shared_ptr<OpenedFile> file;
    };
};

}  // namespace bellhop::op
