// SPDX-License-Identifier: Apache-2.0
// The right to bind a path: of several that start at the same moment over one stale socket, one has it. Held from the look at
// what is there until the new socket listens, and not for longer: after that the socket speaks for itself.
#pragma once
#include <bellhop/fd.hpp>
#include <bellhop/result.hpp>

#include <string>

struct sockaddr_un;

namespace bellhop::transports {

class Claim {
public:
    // A stale socket is gone then. What is there otherwise, and who listens on it or is about to, is the Error.
    static Result<Claim> on(const std::string& path, const sockaddr_un& address);
    Claim(Claim&&) noexcept = default;
    ~Claim();

private:
    Claim(std::string lock, Fd file) : lock_(std::move(lock)), file_(std::move(file)) {}
    static Result<Claim> lock(const std::string& path, const sockaddr_un& address);

    std::string lock_;
    Fd file_;
};

}  // namespace bellhop::transports
