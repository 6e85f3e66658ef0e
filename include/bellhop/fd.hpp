// SPDX-License-Identifier: Apache-2.0
// Owns one file descriptor and closes it (close(2), errors ignored). Moving leaves the other empty.
#pragma once
#include <utility>

namespace bellhop {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept
    {
        Fd old(std::exchange(fd_, std::exchange(other.fd_, -1)));
        return *this;
    }
    ~Fd();  // in src/os/fd.cpp: this header needs std only

    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

}  // namespace bellhop
