// SPDX-License-Identifier: Apache-2.0
// One connection to a xenstored: what is asked goes out in order, each answer goes to whoever asked, events go to the owner.
// An answer never comes from inside ask(); of one that is lost everybody hears, and so does the owner, who opens it again.
//
// A socket (the daemon's own, or one that a guest's ring ends in) takes several requests at a time and tells their answers apart
// by the request's number. The kernel's device is another thing (Linux' drivers/xen/xenbus/xenbus_dev_frontend.c):
//  * It takes one message a write(), of 4096 bytes with its header; it is never "writable" for poll(2), so nobody waits for that.
//  * Some kernels put numbers of their own into answers: one request at a time, and the first message that is no event answers
//  it.
//  * What is wrong with a WATCH may be the errno of the write(): it is taken for the answer.
//  * A write() of WATCH and UNWATCH sleeps until the daemon has answered, whatever O_NONBLOCK says. That is accepted: it is a
//    matter of microseconds, at the start and when a session comes or goes; a daemon that is away has all of Xen wait, in the
//    kernel. A child on the same open file could write instead, but the answer would still be needed before the next request.
#pragma once
#include "framing/xenstore.hpp"
#include "os/readiness.hpp"

#include <bellhop/link.hpp>
#include <bellhop/timers.hpp>

#include <list>
#include <optional>

namespace bellhop::transports {

class XenConnection {
public:
    enum class Manner { socket, device };
    using Answer = std::function<void(Result<std::string_view>)>;  // the payload; good during the call
    class Owner {
    public:
        virtual void on_event(const xenstore::Event&) = 0;
        virtual void on_lost(const Error&) = 0;  // after all who had asked
    protected:
        ~Owner() = default;
    };
    static constexpr std::size_t most_asked = 1024;     // and not answered; then who asks is told that we are busy
    static constexpr std::size_t most_on_the_way = 16;  // a guest's quota is 20
    static constexpr std::chrono::seconds patience{30};

    XenConnection(asio::io_context&, Timers&, Owner&);
    void open(std::unique_ptr<ByteLink>, Manner);
    bool is_open() const { return bool(link_); }
    void ask(xenstore::Type, std::uint32_t transaction, std::initializer_list<std::string_view> words, std::string_view rest,
             Answer);
    void refuse(Error, Answer);  // in its turn, from the loop

private:
    struct Asked {
        xenstore::Type type;
        std::uint32_t number;
        std::string message;
        Answer answer;
        std::optional<Error> error;  // it was not sent
    };
    using Place = std::list<Asked>::iterator;

    void on_readable();
    void hear(ByteView);
    void on_message(const xenstore::Message&);
    Place asker_of(const xenstore::Message&);
    void answer(Place, Result<std::string_view>);
    void answer_refused_soon();
    void answer_refused();
    void write_next();
    bool flush();
    void on_writable();
    void on_patience();
    void lose(Error);
    void on_lost();

    asio::io_context& io_;
    Timers& timers_;
    Owner& owner_;
    std::unique_ptr<ByteLink> link_;
    Manner manner_ = Manner::socket;
    std::optional<os::Readiness<XenConnection>> readiness_;
    os::Readiness<XenConnection> soon_;
    xenstore::Reader reader_;
    std::list<Asked> asked_;
    Place unsent_ = asked_.end();  // from here on
    std::size_t on_the_way_ = 0;   // of those before it
    std::string out_;              // what the socket has not taken of those
    std::uint32_t last_number_ = 0;
    bool hearing_ = false, blocked_ = false, refused_ = false;
    std::optional<Error> lost_;
    std::unique_ptr<Timer> patience_;
    bool heard_ = false;  // since the timer was set
};

}  // namespace bellhop::transports
