// SPDX-License-Identifier: Apache-2.0
// A connected stream socket: unix, vsock or tcp. They differ in how they are made, not in how they are used.
#pragma once
#include <bellhop/fd.hpp>
#include <bellhop/link.hpp>

namespace bellhop::io {

class SocketLink : public ByteLink {
public:
    enum class Family { local, other };                                                    // local: AF_UNIX
    SocketLink(Fd socket, Family family) : socket_(std::move(socket)), family_(family) {}  // non-blocking
    int descriptor() const override { return socket_.get(); }
    std::size_t read(Chunk, std::error_code&) override;
    std::size_t write(ByteView, More, std::error_code&) override;
    std::size_t splice(int pipe, std::size_t most, More, std::error_code&) override;
    std::size_t send_file(int file, std::uint64_t from, std::size_t most, More, std::error_code&) override;
    void widen() override;
    bool closes_cleanly() const override { return family_ == Family::local; }
    void end_output() override;
    bool hung_up() const override;

private:
    Fd socket_;
    Family family_;
    bool widened_ = false;
};

}  // namespace bellhop::io
