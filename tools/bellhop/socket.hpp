// SPDX-License-Identifier: Apache-2.0
// One connection to an agent: connect, read, write, send a file, each with a deadline. What the
// bytes mean is the dialect's.
#pragma once
#include "address.hpp"

#include <bellhop/bytes.hpp>
#include <bellhop/fd.hpp>

#include <chrono>
#include <optional>

namespace bellhop::tool {

class Deadline {
public:
    Deadline() = default;  // never
    explicit Deadline(std::optional<std::chrono::milliseconds> limit)
    {
        if (limit)
            at_ = std::chrono::steady_clock::now() + *limit;
    }
    int poll_timeout() const;  // milliseconds, rounded up; -1: never

private:
    std::optional<std::chrono::steady_clock::time_point> at_;
};

// Throws Failure: unreachable when nobody listens, broken when the peer is silent beyond the
// deadline.
class Socket {
public:
    Socket(Address address, std::chrono::milliseconds connect_limit);

    std::size_t read(Chunk into, Deadline deadline);  // at least one byte; 0: the peer hung up

    // The writers give up, and return less than asked, when the peer spoke or hung up while there
    // was no room: its word is then waiting to be read. `more` keeps a small piece back until the
    // next one follows.
    enum class More { no, yes };
    std::size_t write(ByteView bytes, More more, Deadline deadline);
    // One step of at most `count` bytes, from the file's position. Trouble with the file is
    // Exit::failed, without its name.
    std::size_t send_file(int file, std::size_t count, Deadline deadline);

private:
    void connect_unix(std::chrono::milliseconds limit);
    void connect_vsock(std::chrono::milliseconds limit);
    void greet_hybrid(Deadline deadline);
    std::string read_line(Deadline deadline);
    short wait_for(short events, Deadline deadline);
    bool wait_for_room(Deadline deadline);
    [[noreturn]] void cannot_connect(int error);

    Address address_;
    Fd fd_;
};

}  // namespace bellhop::tool
