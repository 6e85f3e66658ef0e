// SPDX-License-Identifier: Apache-2.0
#include "framing/tag_length.hpp"
#include "support/catch.hpp"
#include "support/fragments.hpp"

using namespace bellhop;
using namespace bellhop::test;
using tag_length::Tag;

namespace {

struct Read {
    std::vector<std::pair<Tag, std::string>> frames;
    std::optional<Error> error;
    std::size_t unfinished = 0;  // bytes of a frame that has not ended
};

Read read_all(const std::vector<std::string>& fragments, std::size_t longest = tag_length::max_frame)
{
    Read all;
    tag_length::Reader reader(longest);
    std::string frame;
    for (const std::string& fragment : fragments)
        for (ByteView input = bytes_of(fragment);;) {
            Result<std::optional<tag_length::Piece>> piece = reader.next(input);
            if (!piece)
                return all.error = piece.error(), all;
            if (!*piece)
                break;
            REQUIRE((*piece)->begins == frame.empty());
            frame += text_of((*piece)->bytes);
            REQUIRE(frame.size() <= (*piece)->length);
            REQUIRE((*piece)->ends == (frame.size() == (*piece)->length));
            if ((*piece)->ends)
                all.frames.emplace_back((*piece)->tag, std::exchange(frame, {}));
        }
    all.unfinished = frame.size();
    return all;
}

std::string frame(Tag tag, std::string_view payload)
{
    return std::string(text_of(tag_length::header(tag, payload.size()))).append(payload);
}

}  // namespace

TEST_CASE("tag-length: frames come out as they went in, however they are cut", "[framing]")
{
    const std::string wire =
        frame(Tag::json, "{}") + frame(Tag::data, "") + frame(Tag::data, "abc") + frame(Tag::eof, "") + frame(Tag(200), "x");

    for (const auto& fragments : fragmentations(wire)) {
        const Read read = read_all(fragments);

        CHECK_FALSE(read.error);
        CHECK(read.frames ==
              decltype(read.frames){{Tag::json, "{}"}, {Tag::data, ""}, {Tag::data, "abc"}, {Tag::eof, ""}, {Tag(200), "x"}});
    }
}

TEST_CASE("tag-length: a frame over the cap is refused as soon as its length is known", "[framing]")
{
    const std::size_t length = GENERATE(std::size_t(16777217), std::size_t(0xffffffff), std::size_t(0x80000000));
    const auto header = tag_length::header(Tag::data, length);

    for (const auto& fragments : fragmentations(std::string(text_of(header)))) {
        const Read read = read_all(fragments);

        REQUIRE(read.error);
        CHECK(read.error->kind == Error::Kind::too_big);
    }
    CHECK_FALSE(read_all({std::string(text_of(tag_length::header(Tag::data, 16777216)))}).error);
    CHECK(read_all({frame(Tag::data, "12345")}, 4).error);
}

TEST_CASE("tag-length: what is cut off stays unfinished", "[framing]")
{
    const std::string wire = frame(Tag::data, "abcdef");

    for (std::size_t size = 0; size < wire.size(); ++size) {
        const Read read = read_all({wire.substr(0, size)});

        CHECK(read.frames.empty());
        CHECK(read.unfinished == (size > 5 ? size - 5 : 0));
    }
}
