// SPDX-License-Identifier: Apache-2.0
// Signals that would end us, taken as something to wait for: who has left something behind at the guest's takes it away first.
#pragma once
#include <bellhop/fd.hpp>

#include <csignal>

namespace bellhop::tool {

struct Interrupted {  // thrown; main() ends with 128 + number
    int number;
};

class Interrupts {  // blocks SIGHUP, SIGINT and SIGTERM while it lives; what comes late ends us then
public:
    Interrupts();
    Interrupts(const Interrupts&) = delete;
    ~Interrupts();
    int descriptor() const { return fd_.get(); }  // readable: there was one
    [[noreturn]] void raise() const;

private:
    sigset_t before_;
    Fd fd_;
};

}  // namespace bellhop::tool
