// SPDX-License-Identifier: Apache-2.0
// The second half of a put_file: exactly `size` bytes come off the wire, whatever becomes of them, and then the host is told.
// What it started dies with it: an upload that is cut off leaves nothing behind.
#pragma once
#include "base/json.hpp"
#include "framing/tag_length.hpp"

#include <bellhop/context.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace bellhop::frames {

class Upload final : private JobSink {
public:
    // Called once, the last thing an upload does: nothing is the file in its place, else the error for the host.
    using Ended = std::function<void(const std::optional<std::string>& error)>;

    Upload(Outbox& outbox, const Context& context, Ended ended) : outbox_(outbox), context_(context), ended_(std::move(ended)) {}
    void start(const json::Value& request, const std::optional<Error>& unreached);  // unreached: its file system
    void on_piece(const tag_length::Piece&);
    bool wants_more() const { return received_ < size_; }

private:
    void open(const json::Value& request, const std::optional<Error>& unreached);
    void maybe_end();
    void fail(std::string error);
    void on_input_room() override { outbox_.pause_input(false); }
    void on_end(Result<ExitStatus>) override;

    Outbox& outbox_;
    const Context& context_;
    Ended ended_;
    std::uint64_t size_ = 0, received_ = 0;
    std::optional<std::string> error_;  // known before the last byte: told after it
    std::unique_ptr<Job> job_;
};

}  // namespace bellhop::frames
