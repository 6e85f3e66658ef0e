// SPDX-License-Identifier: Apache-2.0
// One connection of a frames host: one request, its answer, the end. What it starts dies with it.
#pragma once
#include "base/json.hpp"
#include "dialect/frames/frames.hpp"
#include "dialect/frames/upload.hpp"
#include "framing/tag_length.hpp"

#include <bellhop/budget.hpp>
#include <bellhop/op/own_command.hpp>

namespace bellhop::frames {

class Session final : public ChannelSession, private JobSink {
public:
    Session(const Options&, Outbox&, const Context&);
    void on_bytes(ByteView) override;
    void on_room() override;
    void on_input_end() override;
    bool awaits_peer() const override { return state_ == State::request || (upload_ && upload_->wants_more()); }
    bool idle() const override { return state_ == State::request && text_.empty(); }

private:
    using Tag = tag_length::Tag;

    void on_piece(const tag_length::Piece&);
    bool charge(std::size_t more);
    void on_request(const json::Value&);
    using Handler = void (Session::*)(const json::Value&);
    bool must_reach(const json::Value& request, Handler);
    void on_reached(const json::Value& request, Handler, const Status&);

    void call(const json::Value&);  // call.cpp
    void get_file(const json::Value&);
    void info(const json::Value&);
    void ping(const json::Value&);
    void put_file(const json::Value&);
    void run(const json::Value&);

    void on_output(Stream, const std::shared_ptr<Source>&) override;
    void on_end(Result<ExitStatus>) override;
    void on_called(Result<op::OwnCommand::Answer>);
    void on_uploaded(const std::optional<std::string>& error);
    void send_file_on();

    Outbox::Room send_some(Tag, const std::shared_ptr<Source>&);
    void answer(const json::Value&, Outbox::Rest = Outbox::Rest::none);
    void refuse(std::string text, Outbox::Rest = Outbox::Rest::none);
    void refuse_run(std::string text);

    const Options& options_;
    Outbox& outbox_;
    const Context& context_;
    enum class State { request, busy, over } state_ = State::request;
    tag_length::Reader reader_;
    std::string text_;  // of the request
    std::string rest_;  // what came behind a request that waits for a file system
    bool reaching_ = false;
    std::optional<Error> unreached_;  // it does not answer
    Budget::Share memory_;            // for it
    double time_limit_ = 0;           // seconds, as asked for
    std::optional<Upload> upload_;
    std::unique_ptr<Job> job_;
    std::unique_ptr<Lease> call_;
    std::shared_ptr<Source> file_;
};

}  // namespace bellhop::frames
