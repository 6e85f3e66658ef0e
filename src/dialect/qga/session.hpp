// SPDX-License-Identifier: Apache-2.0
// One peer of the qga dialect: requests in, answers out, in the same order.
#pragma once
#include "dialect/qga/state.hpp"
#include "framing/json_stream.hpp"

#include <bellhop/budget.hpp>
#include <bellhop/channel.hpp>

namespace bellhop::qga {

class Session final : public ChannelSession {
public:
    Session(State&, Outbox&, const Context&);
    ~Session() override;

    void on_bytes(ByteView) override;
    void on_room() override;
    void on_input_end() override;
    void on_attach() override;
    void on_detach() override;
    bool awaits_peer() const override { return !persistent_ && reader_.in_message(); }
    bool idle() const override { return !busy() && !reader_.in_message(); }

private:
    friend class Call;
    bool busy() const { return call_ || long_ || full_; }
    void say(std::string_view);
    void go_on();
    void take(ByteView);
    void on_message(Result<json::Value>);
    void start(json::Members request);
    void on_answer(const Call&, json::Value member, std::string_view name);
    void on_silence();
    void on_long_answer(const Call&, std::unique_ptr<LongAnswer>);
    void pump();
    void send_error(std::string desc, std::string_view error_class, const json::Value* id);
    void forget_call();

    State& state_;
    Outbox& outbox_;
    const Context& link_;                   // of this connection
    std::shared_ptr<const Context> asker_;  // the same peer, in the name of what outlives it
    json_stream::Reader reader_;
    Budget::Share memory_;
    std::size_t charged_ = 0;
    std::string rest_;      // what came behind a request that is not answered yet
    Call* call_ = nullptr;  // the one request that is being answered
    std::unique_ptr<LongAnswer> long_;
    std::string part_, tail_;  // of the long answer
    bool going_on_ = false, paused_ = false, persistent_ = false, plain_sync_ = false, input_ended_ = false;
    bool full_ = false;  // it asks faster than it takes answers: nothing more is looked at until it has taken some
};

}  // namespace bellhop::qga
