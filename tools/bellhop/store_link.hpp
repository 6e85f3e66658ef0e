// SPDX-License-Identifier: Apache-2.0
// A xenstored, asked from the host: one request at a time, and events in between.
#pragma once
#include "framing/xenstore.hpp"
#include "interrupts.hpp"
#include "socket.hpp"

#include <bellhop/fd.hpp>
#include <bellhop/result.hpp>

#include <string>
#include <vector>

namespace bellhop::tool {

// Every call may throw: Failure when the daemon cannot be had, hangs up or is silent; Interrupted. What the daemon refuses is an
// Error, with its errno.
class StoreLink {
public:
    // `path`: a socket or a device; empty: where xenstored is usually found.
    StoreLink(const std::string& path, std::chrono::milliseconds limit);

    Result<std::string> read(const std::string& path);
    Status write(const std::string& path, std::string_view value);
    Status remove(const std::string& path);  // also when it is not there
    Status watch(const std::string& path);
    bool introduced(int domain);
    void wait_for_event(Deadline);  // or for the deadline

    std::size_t most_value(const std::string& path) const { return longest_ - path.size() - 1; }
    class Undisturbed {  // while it lives no signal ends a wait, and waits are short: to clean up in
    public:
        explicit Undisturbed(StoreLink& link) : link_(link), before_(link.limit_)
        {
            link.limit_ = std::chrono::seconds(2);
            link.undisturbed_ = true;
        }
        Undisturbed(const Undisturbed&) = delete;
        ~Undisturbed()
        {
            link_.limit_ = before_;
            link_.undisturbed_ = false;
        }

    private:
        StoreLink& link_;
        std::chrono::milliseconds before_;
    };

private:
    Fd reached(const std::string& path);
    Fd opened(const std::string& path);
    Result<std::string> ask(xenstore::Type, std::initializer_list<std::string_view> words, std::string_view rest = {});
    void send(std::string_view message, Deadline);
    bool fill(Deadline);  // false: the deadline came first
    std::optional<xenstore::Message> next();

    std::chrono::milliseconds limit_;
    std::string where_;
    std::size_t longest_ = xenstore::max_payload;
    bool device_ = false, undisturbed_ = false;
    Fd fd_;
    Interrupts interrupts_;
    std::size_t owed_ = 0;    // answers to requests that were given up
    std::size_t events_ = 0;  // that nobody has waited for yet
    std::vector<std::byte> buffer_ = std::vector<std::byte>(16 << 10);
    ByteView unread_;
    xenstore::Reader reader_;
};

}  // namespace bellhop::tool
