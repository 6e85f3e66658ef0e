// SPDX-License-Identifier: Apache-2.0
// Frames of a tag, a big-endian length and that many bytes (docs/dialects/frames.md, "Wire").
//
// A frame is handed on as it comes, in one or more pieces: a 16 MiB frame of file data never sits in memory, and only whoever
// wants a whole message (a request) keeps its pieces.
#pragma once
#include <bellhop/bytes.hpp>
#include <bellhop/result.hpp>

#include <array>
#include <cstdint>
#include <optional>

namespace bellhop::tag_length {

enum class Tag : std::uint8_t { json = 1, out, err, data, eof };
constexpr std::size_t header_size = 5;
constexpr std::size_t max_frame = 16 << 20;
constexpr std::size_t max_chunk = 64 << 10;  // of what we send

struct Piece {
    Tag tag;
    std::size_t length;  // of the whole frame
    ByteView bytes;
    bool begins, ends;  // it is the first, the last of its frame
};

class Reader {
public:
    explicit Reader(std::size_t longest = max_frame) : longest_(longest) {}
    // Takes what it can from the front of `input`. Nothing: `input` is used up. An Error: no frame boundary can be trusted again.
    Result<std::optional<Piece>> next(ByteView& input);

private:
    std::size_t longest_;
    std::array<std::byte, header_size> header_;
    std::size_t have_ = 0;               // bytes of the header
    std::size_t length_ = 0, left_ = 0;  // of the frame's payload
};

std::array<std::byte, header_size> header(Tag, std::size_t length);

}  // namespace bellhop::tag_length
