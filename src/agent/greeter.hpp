// SPDX-License-Identifier: Apache-2.0
// What stands at the door of a link before a session exists. A host that reaches a guest through a hybrid-vsock socket
// (Firecracker, cloud-hypervisor) first asks its VMM for a port: `CONNECT PORT\n`. Pointed at us directly, it asks us; the answer
// is `OK PORT\n`. The first byte decides: 'C' begins no frame. Then it opens the session and passes everything on.
//
// On a link that outlives its hosts nobody asks for a port, and each host has a session of its own, which ends when it goes.
#pragma once
#include <bellhop/dialect.hpp>

namespace bellhop {

class Greeter final : public ChannelSession {
public:
    Greeter(Dialect& dialect, Outbox& outbox, const Context& context) : dialect_(dialect), outbox_(outbox), context_(context) {}
    void on_bytes(ByteView) override;
    void on_room() override;
    void on_input_end() override;
    void on_attach() override;
    void on_detach() override;
    bool awaits_peer() const override { return !session_ || session_->awaits_peer(); }
    bool idle() const override { return session_ ? session_->idle() : line_.empty(); }

private:
    bool greeted(ByteView& input);  // false: not yet, or never
    bool open();

    Dialect& dialect_;
    Outbox& outbox_;
    const Context& context_;
    std::string line_;
    bool asked_ = false;  // for a port, or need not
    std::unique_ptr<ChannelSession> session_;
};

}  // namespace bellhop
