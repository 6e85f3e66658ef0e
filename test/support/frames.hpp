// SPDX-License-Identifier: Apache-2.0
// A frames host for tests: bytes in, frames out, everything around the session turned by hand.
#pragma once
#include "dialect/frames/frames.hpp"
#include "framing/tag_length.hpp"
#include "support/fakes.hpp"

namespace bellhop::test {

using tag_length::Tag;
using Frames = std::vector<std::pair<Tag, std::string>>;

inline std::string frame(Tag tag, std::string_view payload)
{
    return std::string(text_of(tag_length::header(tag, payload.size()))).append(payload);
}

inline Frames frames_of(const std::string& wire)
{
    Frames frames;
    for (std::size_t at = 0; at < wire.size();) {
        REQUIRE(wire.size() >= at + 5);
        std::size_t length = 0;
        for (std::size_t i = 1; i < 5; ++i)
            length = length << 8 | static_cast<unsigned char>(wire[at + i]);
        frames.emplace_back(static_cast<Tag>(wire[at]), wire.substr(at + 5, length));
        at += 5 + length;
    }
    return frames;
}

struct Conversation : World {
    Config config;
    std::unique_ptr<Dialect> dialect = frames::make_dialect({"9.9", config});
    std::unique_ptr<ChannelSession> session = dialect->open(outbox, context);

    void says(const std::string& bytes)
    {
        if (!outbox.finished)
            session->on_bytes(bytes_of(bytes));
    }
    void asks(std::string_view json) { says(frame(Tag::json, json)); }
    Frames hears() const { return frames_of(outbox.sent()); }
    std::string hears_once() const  // the one JSON frame there is
    {
        const Frames frames = hears();
        REQUIRE(frames.size() == 1);
        REQUIRE(frames[0].first == Tag::json);
        return frames[0].second;
    }
};

}  // namespace bellhop::test
