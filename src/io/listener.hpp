// SPDX-License-Identifier: Apache-2.0
// Accepts on a listening stream socket and hands each connection on. Out of descriptors, it looks away for a while and comes
// back: the pending connection keeps the socket readable, and the loop would spin. accept4(2).
#pragma once
#include "os/readiness.hpp"

#include <bellhop/fd.hpp>
#include <bellhop/timers.hpp>

namespace bellhop::io {

class Listener {
public:
    class Owner {
    public:
        virtual void on_accepted(Fd) = 0;  // non-blocking, close-on-exec. The owner may destroy the listener in it
    protected:
        ~Owner() = default;
    };
    Listener(asio::io_context&, Timers&, Fd socket, Owner&);  // the socket listens and is non-blocking

private:
    void accept_next() { readiness_.wait_readable(&Listener::on_readable); }
    void on_readable();
    void on_rested();

    Timers& timers_;
    Fd socket_;
    Owner& owner_;
    os::Readiness<Listener> readiness_;
    std::unique_ptr<Timer> rest_;
};

}  // namespace bellhop::io
