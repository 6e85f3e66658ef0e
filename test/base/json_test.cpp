// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"
#include "base/utf8.hpp"
#include "support/catch.hpp"

#include <cstdlib>

using namespace bellhop;

TEST_CASE("json: what is read is written again", "[json]")
{
    const std::string text = GENERATE(values<std::string>({
        "null",
        "true",
        "-7",
        "1.5",
        "3.0",
        "9223372036854775807",
        "18446744073709551615",
        "[]",
        "{}",
        "[1,[2,{}],\"x\"]",
        R"({"a":{"b":[null,false]},"c":"\"\\\u0001\u00fe"})",
        R"("grüße 😀")",
        "1e+300",
        "0.1",
        "[0.1,1e-07]",
    }));

    const Result<json::Value> value = json::parse(text);

    REQUIRE(value);
    const Result<json::Value> again = json::parse(value->text());
    REQUIRE(again);
    CHECK(again->text() == value->text());
    if (text.find('\\') == text.npos)
        CHECK(value->text() == text);
}

TEST_CASE("json: what is no JSON is refused", "[json]")
{
    const std::string text = GENERATE(values<std::string>({"", "{", "nul", "[1,]", "{\"a\":1,}", "\"\xff\"", "\"\\ud800\"", "1 2",
                                                           "{'a':1}", "NaN", "[1e999]", std::string("\"\x01\"")}));

    CHECK_FALSE(json::parse(text));
}

TEST_CASE("json: of members with one name the last counts", "[json]")
{
    const Result<json::Value> value = json::parse(R"({"a":1,"a":2})");

    REQUIRE(value);
    CHECK(*(*value)["a"].integer() == 2);
    CHECK((*value)["b"].is_null());
    CHECK(value->find("b") == nullptr);
}

TEST_CASE("json: depth and number of values have a limit", "[json]")
{
    CHECK_FALSE(json::parse(std::string(5000, '[') + std::string(5000, ']')));
    CHECK(json::parse(std::string(500, '[') + std::string(500, ']')));

    std::string many = "[0";
    for (std::size_t i = 0; i < json::max_values; ++i)
        many += ",0";
    const Result<json::Value> value = json::parse(many + "]");
    REQUIRE_FALSE(value);
    CHECK(value.error().kind == Error::Kind::too_big);
    CHECK(json::parse("[\"" + std::string(json::max_values + 9, ',') + "\\\"\"]"));  // commas in a string are no values
}

TEST_CASE("json: numbers of any length are read as strtod(3) reads them", "[json]")
{
    for (const char* digits : {"0", "-0.0", "0.07", "1e400", "-1e400", "1e-400", "123456789012345678901234567890", "-2.5e-3"})
        CHECK(json::read_number(digits) == std::strtod(digits, nullptr));
}

TEST_CASE("json: what is not UTF-8 leaves as U+FFFD", "[json]")
{
    CHECK(json::Value("a\xff"
                      "b\xc3")
              .text() == "\"a\xef\xbf\xbd"
                         "b\xef\xbf\xbd\"");
    CHECK(json::Value(std::string("\0\x1f\n", 3)).text() == "\"\\u0000\\u001f\\u000a\"");
}

TEST_CASE("utf8: length of the character at a place", "[utf8]")
{
    struct Row {
        std::string text;
        std::size_t length;
    };
    const Row row = GENERATE(values<Row>({
        {"a", 1},
        {"\x7f", 1},
        {"\xc3\xbc", 2},
        {"\xe2\x82\xac", 3},
        {"\xf0\x9f\x98\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\x80", 0},
        {"\xc0\x80", 0},
        {"\xc1\xbf", 0},
        {"\xe0\x80\x80", 0},
        {"\xed\xa0\x80", 0},
        {"\xf0\x80\x80\x80", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\xc3", 0},
        {"\xc3"
         "a",
         0},
        {"\xe2\x82", 0},
    }));

    CHECK(utf8::length_at(row.text, 0) == row.length);
}
