// SPDX-License-Identifier: Apache-2.0
// socketpair(2), recv(2), send(2).
#include "pair.hpp"

#include <bellhop/fd.hpp>

#include <cerrno>
#include <functional>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

namespace embedder {
namespace {

using namespace bellhop;

class PairLink final : public ByteLink {
public:
    explicit PairLink(Fd end) : end_(std::move(end)) {}
    int descriptor() const override { return end_.get(); }
    std::size_t read(Chunk chunk, std::error_code& ec) override
    {
        return outcome(::recv(end_.get(), chunk.data(), chunk.size(), 0), ec);
    }
    std::size_t write(ByteView bytes, More, std::error_code& ec) override
    {
        return outcome(::send(end_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), ec);
    }
    void end_output() override { ::shutdown(end_.get(), SHUT_WR); }
    bool hung_up() const override
    {
        pollfd question{end_.get(), 0, 0};
        ::poll(&question, 1, 0);
        return question.revents & (POLLHUP | POLLERR);
    }

private:
    static std::size_t outcome(ssize_t count, std::error_code& ec)
    {
        if (count < 0)
            ec.assign(errno, std::generic_category());
        return count < 0 ? 0 : std::size_t(count);
    }
    Fd end_;
};

class Pair final : public Transport {
public:
    Pair(Timers& timers, Fd end) : timers_(timers), end_(std::move(end)) {}
    Status start(LinkSink& links) override
    {
        links_ = &links;
        later_ = timers_.after({}, std::bind_front(&Pair::on_loop, this));
        return done();
    }

private:
    void on_loop()  // links come from the loop, never from inside start()
    {
        links_->on_link(std::make_unique<PairLink>(std::move(end_)), Peer{"pair", "ourselves", {}, {}, {}});
        links_->on_over();
    }

    Timers& timers_;
    Fd end_;
    LinkSink* links_ = nullptr;
    std::unique_ptr<Timer> later_;
};

}  // namespace

TransportRow pair_row(int end)
{
    return {"pair", "lines", [end](asio::io_context&, Timers& timers, std::string /*address*/) {
                return std::make_unique<Pair>(timers, Fd(end));
            }};
}

}  // namespace embedder
