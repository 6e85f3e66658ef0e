// SPDX-License-Identifier: Apache-2.0
// See the header. An empty frame is one empty piece, so that EOF and a zero-length DATA are seen. The header's bytes make no
// piece of their own, but a frame too long is refused as soon as its length is known.
#include "framing/tag_length.hpp"

#include <algorithm>
#include <string>

namespace bellhop::tag_length {
namespace {

ByteView take(ByteView& from, std::size_t most)
{
    const ByteView taken = from.first(std::min(most, from.size()));
    from = from.subspan(taken.size());
    return taken;
}

}  // namespace

Result<std::optional<Piece>> Reader::next(ByteView& input)
{
    if (have_ < header_size) {
        const ByteView part = take(input, header_size - have_);
        std::copy(part.begin(), part.end(), header_.begin() + std::ptrdiff_t(have_));
        have_ += part.size();
        if (have_ < header_size)
            return std::optional<Piece>();
        length_ = 0;
        for (std::size_t i = 1; i < header_size; ++i)
            length_ = length_ << 8 | std::to_integer<std::size_t>(header_[i]);
        if (length_ > longest_)
            return Error{Error::Kind::too_big, {}, "a frame of " + std::to_string(length_) + " bytes"};
        left_ = length_;
    }
    if (input.empty() && left_ > 0)
        return std::optional<Piece>();
    const bool begins = left_ == length_;
    const ByteView bytes = take(input, left_);
    left_ -= bytes.size();
    if (left_ == 0)
        have_ = 0;
    return std::optional<Piece>({static_cast<Tag>(header_[0]), length_, bytes, begins, left_ == 0});
}

std::array<std::byte, header_size> header(Tag tag, std::size_t length)
{
    return {std::byte(tag), std::byte(length >> 24), std::byte(length >> 16), std::byte(length >> 8), std::byte(length)};
}

}  // namespace bellhop::tag_length
