// SPDX-License-Identifier: Apache-2.0
// Bytes by read(2) and write(2), of what is no socket: a device, or a test's end of one. It says what the kernel says.
#pragma once
#include <bellhop/fd.hpp>
#include <bellhop/link.hpp>

#include <cerrno>
#include <unistd.h>

namespace bellhop::io {

class FdLink : public ByteLink {
public:
    explicit FdLink(Fd file) : file_(std::move(file)) {}
    int descriptor() const override { return file_.get(); }
    std::size_t read(Chunk chunk, std::error_code& ec) override
    {
        return outcome(::read(file_.get(), chunk.data(), chunk.size()), ec);
    }
    std::size_t write(ByteView bytes, More, std::error_code& ec) override
    {
        return outcome(::write(file_.get(), bytes.data(), bytes.size()), ec);
    }
    void end_output() override {}
    bool hung_up() const override { return false; }

private:
    static std::size_t outcome(ssize_t n, std::error_code& ec)
    {
        if (n >= 0)
            return std::size_t(n);
        ec.assign(errno, std::system_category());
        return 0;
    }
    Fd file_;
};

}  // namespace bellhop::io
