// SPDX-License-Identifier: Apache-2.0
// Waits for one descriptor on behalf of one owner, and forgets the owner when it is destroyed.
//
// The only place where Asio may call after its owner has let go: a completed wait may already sit in Asio's queue when the
// owner dies, so the handler carries a shared state and asks it whether anyone is left. Owners bind plain members and need
// neither shared_from_this nor a look at operation_aborted. The descriptor stays the owner's; declare the Readiness after it.
// It is registered with epoll(7) at the first wait only: a short conversation is over before it has to wait at all. From then
// on Asio leaves it there, edge-triggered: each write into a pipe wakes the loop, also while nobody waits. forget() ends that.
//
// Every readiness is a hint: Asio hands the state of a descriptor just forgotten, with an event still queued for it, to the next
// one registered, so a wait may complete without cause. Ask the kernel again.
#pragma once
#include <bit>
#include <memory>

namespace asio {
class io_context;
}

namespace bellhop::os {

class AnyReadiness {  // what is the same for all owners: one for each of them has 20 KiB of code
protected:
    enum class What { readable, writable, hang_up };
    struct Anybody {};
    using AnyHandler = void (Anybody::*)();
    using Call = void (*)(void* owner, AnyHandler);

    AnyReadiness(asio::io_context&, int fd, void* owner, Call);
    AnyReadiness(const AnyReadiness&) = delete;
    ~AnyReadiness();
    void wait(What, AnyHandler);
    void post(AnyHandler);
    void forget();

private:
    struct State;
    std::shared_ptr<State> state_;
};

template <class Owner> class Readiness : AnyReadiness {
public:
    using Handler = void (Owner::*)();

    Readiness(asio::io_context& io, int fd, Owner& owner) : AnyReadiness(io, fd, &owner, &Readiness::call) {}
    void wait_readable(Handler handler) { wait(What::readable, std::bit_cast<AnyHandler>(handler)); }
    void wait_writable(Handler handler) { wait(What::writable, std::bit_cast<AnyHandler>(handler)); }
    void wait_hang_up(Handler handler) { wait(What::hang_up, std::bit_cast<AnyHandler>(handler)); }
    void post(Handler handler) { AnyReadiness::post(std::bit_cast<AnyHandler>(handler)); }  // after the current handler
    using AnyReadiness::forget;                                                             // until the next wait; not during one

private:
    static void call(void* owner, AnyHandler handler) { (static_cast<Owner*>(owner)->*std::bit_cast<Handler>(handler))(); }
};

}  // namespace bellhop::os
