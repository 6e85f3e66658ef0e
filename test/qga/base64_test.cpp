// SPDX-License-Identifier: Apache-2.0
#include "base/base64.hpp"
#include "support/catch.hpp"

#include <vector>

namespace bellhop::test {
namespace {

using base64::Way;

std::string encoded(std::string_view bytes, Way way = Way::best)
{
    std::string out = "before ";
    base64::encode(out, bytes_of(bytes), way);
    REQUIRE(out.starts_with("before "));
    return out.substr(7);
}

std::optional<std::string> decoded(std::string text, Way way = Way::best)
{
    if (base64::decode(text, way))
        return std::nullopt;
    return text;
}

std::string some_bytes(std::size_t count)
{
    std::string bytes;
    for (unsigned x = 12345; bytes.size() < count; x = x * 1103515245 + 12345)
        bytes += char(x >> 16);
    return bytes;
}

TEST_CASE("base64 is what RFC 4648 shows")
{
    const std::vector<std::pair<std::string, std::string>> table = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"},
                                                                    {"\xfb\xff\xbf", "+/+/"}};
    for (const auto& [bytes, text] : table) {
        CHECK(encoded(bytes) == text);
        CHECK(decoded(text) == bytes);
    }
}

TEST_CASE("base64 comes out the same in every way and at every length, and goes back")
{
    const std::string bytes = some_bytes(400);
    for (std::size_t count = 0; count <= bytes.size(); ++count) {
        const std::string part = bytes.substr(0, count), text = encoded(part, Way::plain);
        REQUIRE(text.size() == base64::encoded_size(count));
        for (const Way way : {Way::plain, Way::best_small, Way::best}) {
            REQUIRE(encoded(part, way) == text);
            REQUIRE(decoded(text, way) == part);
        }
    }
}

TEST_CASE("base64 with a byte that is none of its letters is refused wherever that is")
{
    const std::string bytes = some_bytes(150), good = encoded(bytes);
    for (const Way way : {Way::plain, Way::best_small, Way::best})
        for (int c = 0; c < 256; ++c)
            for (std::size_t at = 0; at < good.size() - 1; at += 7) {
                std::string text = good;
                text[at] = char(c);
                const bool letter =
                    std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(char(c)) !=
                    std::string_view::npos;
                REQUIRE(decoded(text, way).has_value() == letter);
            }
}

TEST_CASE("base64 may be broken into lines anywhere")
{
    const std::string bytes = some_bytes(1000), good = encoded(bytes);
    for (const Way way : {Way::plain, Way::best_small, Way::best})
        for (const std::size_t width : {1, 3, 60, 63, 64, 65, 76}) {
            std::string text;
            for (std::size_t at = 0; at < good.size(); at += width)
                text += good.substr(at, width) + "\n";
            REQUIRE(decoded(text, way) == bytes);
        }
    CHECK(decoded("\n\nYQ=\n=\n") == "a");
}

TEST_CASE("base64 of a wrong length or with wrong padding is refused")
{
    for (const char* text : {"Y", "YQ", "YWJ", "YWJjZ", "=", "====", "Y===", "YQ=", "YWJj=", "YWJj====", "YQ==YQ==", "YQ=Q",
                             "YWJ==", "YWJj\r\n", "YWJj ZGVm", "YW-_"})
        CHECK_FALSE(decoded(text));
}

}  // namespace
}  // namespace bellhop::test
