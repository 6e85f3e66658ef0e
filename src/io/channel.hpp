// SPDX-License-Identifier: Apache-2.0
// One byte link and the session that talks over it: read loop, write queue, marks, the ways of ending.
//
// The queue is one buffer of copied bytes and a list of pieces that says how many of them, or of which Source, go next. All that
// a session sends in one turn leaves when the turn ends (the channel is the session's Barrier, so it knows), and a session that
// never runs out (a file) gives way to the others after each high mark's worth. Sessions are destroyed only by the channel's
// own handlers, never inside one of their calls. On the loop's thread only.
#pragma once
#include "os/readiness.hpp"

#include <bellhop/barrier.hpp>
#include <bellhop/channel.hpp>
#include <bellhop/config.hpp>
#include <bellhop/link.hpp>
#include <bellhop/timers.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bellhop::io {

class Channel final : public Outbox, public Barrier {
public:
    struct Ending {
        std::exception_ptr bug;       // a session threw
        std::optional<Error> reason;  // the peer broke the rules, or a limit
    };
    class Owner {
    public:
        virtual void on_closed(Channel&, const Ending&) = 0;  // last: the owner may destroy the channel in it
        virtual void on_quiet(Channel&) {}                    // a link that outlives its hosts has none now
    protected:
        ~Owner() = default;
    };
    static constexpr std::size_t high_mark = 1 << 20, low_mark = 256 << 10;
    static constexpr std::chrono::milliseconds linger{2000};

    Channel(asio::io_context&, Timers&, Chunk, std::unique_ptr<ByteLink>, Owner&);
    // From the loop. The first request is often there already, so both look at once, and the owner may hear on_closed() before
    // they return.
    void start(std::unique_ptr<ChannelSession>);
    void refuse(std::string_view last_words);  // instead of start()
    void end_if_idle();
    void drop_session() { session_.reset(); }  // before an end that is not ours
    void check(const Limits&);                 // now and then: has the peer let us wait for too long?

    Room send(ByteView) override;
    Room send_part(ByteView) override;
    Room send_from(const std::shared_ptr<Source>&, std::size_t count) override;
    void pause_input(bool) override;
    void finish(Rest) override;
    void abandon(Error) override;

private:
    struct Piece {
        std::shared_ptr<Source> source;  // null: from copied_
        std::size_t count;
    };
    class Handling {  // marks a handler of the loop; what it decided is acted upon in settle(), which comes last
    public:
        explicit Handling(Channel& channel) : channel_(channel) { channel_.handling_ = true; }
        ~Handling() { channel_.handling_ = false; }

    private:
        Channel& channel_;
    };
    void on_bug(std::exception_ptr) noexcept override;
    void on_enter() noexcept override { ++turns_; }
    void on_left() noexcept override;

    void read_next();
    void on_readable();
    bool read_once();
    void on_end_of_input();
    void on_hang_up();

    void on_more();
    void take_turn();

    // Of a link that outlives its hosts: channel_hosts.cpp.
    void on_change();
    void on_looked(std::size_t count, bool would_block);
    void on_host(bool there);
    void on_unannounced();
    void on_host_gone();

    // Output: channel_output.cpp.
    Room on_queued(std::size_t count);
    void on_turn_end();
    void on_writable();
    void write_next();
    bool no_pieces() const { return first_ == pieces_.size(); }
    std::size_t write_piece(Piece&, ByteLink::More, std::error_code&);
    void on_taken();
    void on_written();
    void on_room_again();
    void on_deaf_peer();
    void drop_queue();

    void end(std::optional<Error> reason);
    void end_later();
    void settle();
    void linger_on();
    void close();

    Timers& timers_;
    Chunk chunk_;
    Owner& owner_;
    std::unique_ptr<ByteLink> link_;
    os::Readiness<Channel> readiness_;
    std::unique_ptr<Timer> linger_, unannounced_;
    Ending ending_;
    std::chrono::steady_clock::time_point last_heard_, last_taken_;

    std::string copied_;
    std::size_t copied_sent_ = 0;
    std::vector<Piece> pieces_;  // not a deque, which would take 4 KiB for a single one
    std::size_t first_ = 0;      // those before it have left
    std::size_t pending_ = 0;
    std::size_t room_below_ = low_mark;
    int turns_ = 0;          // calls into the session that have not returned
    bool handling_ = false;  // one of our own handlers is running, and settles when it is done
    bool settling_ = false;  // a settle() is on its way
    bool full_ = false, room_coming_ = false, flush_coming_ = false, writing_ = false, deaf_ = false;
    bool reading_ = false, awaiting_hang_up_ = false, paused_ = false, input_ended_ = false;
    bool host_there_ = false, host_took_ = false, unread_ = false, more_coming_ = false;  // of a link that outlives its hosts
    bool finishing_ = false, closing_ = false, ends_with_session_ = false;
    Rest rest_ = Rest::some;
    std::unique_ptr<ChannelSession> session_;  // last: it may hold jobs whose sources are in the queue
};

}  // namespace bellhop::io
