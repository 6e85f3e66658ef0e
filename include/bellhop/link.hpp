// SPDX-License-Identifier: Apache-2.0
// The system calls of one byte link: a socket, a serial port, later TLS. Nothing waits: EWOULDBLOCK is an error code like any
// other (std::errc::operation_would_block). Owned by the channel that reads and writes it, used from the loop only.
#pragma once
#include <bellhop/bytes.hpp>

#include <cstdint>
#include <system_error>

namespace bellhop {

class ByteLink {
public:
    enum class More { no, yes };  // yes: another piece follows at once, do not send a short packet

    virtual ~ByteLink() = default;
    virtual int descriptor() const = 0;                     // what the loop waits on
    virtual std::size_t read(Chunk, std::error_code&) = 0;  // 0 and no error: the end of input
    virtual std::size_t write(ByteView, More, std::error_code&) = 0;

    // From a pipe by splice(2), from a regular file by sendfile(2). not_supported: copy instead. They may raise SIGPIPE, so the
    // process has to ignore it.
    virtual std::size_t splice(int /*pipe*/, std::size_t /*most*/, More, std::error_code& ec) { return none(ec); }
    virtual std::size_t send_file(int /*file*/, std::uint64_t /*from*/, std::size_t /*most*/, More, std::error_code& ec)
    {
        return none(ec);
    }
    // A port that stays while hosts come and go (virtio-serial): read() gives 0 while there is none, and the descriptor becomes
    // readable once at each change: bytes, room, a host's coming and going.
    virtual bool outlives_host() const { return false; }
    virtual void widen() {}  // much output is to come: larger buffers, if there are such
    // Does close(2) right after the last write lose nothing that the peer has yet to read? (Only if it has nothing more to say.)
    virtual bool closes_cleanly() const { return false; }
    virtual void end_output() = 0;     // shutdown(2) of our half
    virtual bool hung_up() const = 0;  // asked after the end of input: can the peer no longer listen either?

private:
    static std::size_t none(std::error_code& ec)
    {
        ec = make_error_code(std::errc::operation_not_supported);
        return 0;
    }
};

}  // namespace bellhop
