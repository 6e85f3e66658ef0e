// SPDX-License-Identifier: Apache-2.0
// A virtio port, or a serial line, as a link that outlives its hosts.
//
// A virtio port without a host is readable and hung up for ever: waited for in the usual way it wakes the loop without end. So it
// sits in an epoll instance of its own, edge-triggered, and the loop watches that: one wake-up for each change, none while
// nobody is there. epoll(7), tty_ioctl(4); Linux' drivers/char/virtio_console.c.
#pragma once
#include <bellhop/fd.hpp>
#include <bellhop/link.hpp>
#include <bellhop/result.hpp>

#include <memory>

namespace bellhop::transports {

class PortLink final : public ByteLink {
public:
    // virtio: read() tells whether a host is there. line: nobody knows; an end of input is the end of the line.
    enum class Kind { virtio, line };
    class Owner {
    public:
        virtual void on_link_end() noexcept = 0;  // from the link's destructor
    protected:
        ~Owner() = default;
    };
    static Result<std::unique_ptr<PortLink>> make(Fd port, Kind);  // non-blocking
    ~PortLink() override;
    void set_owner(Owner* owner) { owner_ = owner; }  // or nullptr: it has gone

    int descriptor() const override { return changes_.get(); }
    std::size_t read(Chunk, std::error_code&) override;
    std::size_t write(ByteView, More, std::error_code&) override;
    bool outlives_host() const override { return true; }
    bool closes_cleanly() const override;
    void end_output() override {}
    bool hung_up() const override;

private:
    PortLink(Fd port, Fd changes, Kind kind) : port_(std::move(port)), changes_(std::move(changes)), kind_(kind) {}
    void take_changes() const;
    std::size_t outcome(ssize_t, std::error_code&) const;

    Fd port_, changes_;
    Kind kind_;
    bool dry_ = true;               // nothing more to read until the next change
    mutable bool blocked_ = false;  // no room to write until a change says so; whoever takes a change, learns of it
    Owner* owner_ = nullptr;
};

}  // namespace bellhop::transports
