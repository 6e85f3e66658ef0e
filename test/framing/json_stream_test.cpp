// SPDX-License-Identifier: Apache-2.0
#include "framing/json_stream.hpp"
#include "support/catch.hpp"

namespace bellhop::test {
namespace {

using json_stream::Reader;

// What comes of a text, in words: values as compact JSON, errors as !text.
std::string outcome(Reader& reader, std::string_view text)
{
    std::string all;
    ByteView input = bytes_of(text);
    while (auto found = reader.next(input))
        all += (all.empty() ? "" : " | ") + (*found ? (*found)->text() : "!" + found->error().text);
    CHECK(input.empty());
    return all;
}

std::string joined(std::string first, const std::string& second)
{
    return first.empty() || second.empty() ? first + second : first + " | " + second;
}

struct Row {
    std::string text, outcome;
};

const std::vector<Row> table = {
    {R"({"execute":"guest-ping"})", R"({"execute":"guest-ping"})"},
    {"{\"a\":1}\r\n", R"({"a":1})"},
    {R"({"a":1}{"b":[]}[{}])", R"({"a":1} | {"b":[]} | [{}])"},
    {"{'it''s'", "!JSON parse error, expected ':'"},
    {R"({'a':'it\'s "x"'})", R"({"a":"it's \"x\""})"},
    {"\n \t\r\n", ""},
    {"42\n-0 1e2,", R"(42 | 0 | 100.0 | !JSON parse error, expecting value)"},
    {"true false null\n", "true | false | null"},
    {R"("abc")", R"("abc")"},
    {"9223372036854775807 9223372036854775808 18446744073709551615 ",
     "9223372036854775807 | 9223372036854775808 | 18446744073709551615"},
    {R"(["\u00e9\ud83d\ude00\n\/\"\\\b\f\r\t"])", "[\"\u00e9\U0001F600\\u000a/\\\"\\\\\\u0008\\u000c\\u000d\\u0009\"]"},
    {"[\"\u00e9\"]", "[\"\u00e9\"]"},
    {R"({"a":[1,2,{"b":null}],"c":{}})", R"({"a":[1,2,{"b":null}],"c":{}})"},
    // words that are none, and each of them costs one error
    {"hello world\n", "!JSON parse error, invalid keyword 'hello' | !JSON parse error, invalid keyword 'world'"},
    {"01 ", "!JSON parse error, stray '01'"},
    {"-x\n1\n", "!JSON parse error, stray '-' | 1"},
    {std::string("\0\n", 2), "!JSON parse error, stray ''"},
    {"#{\"a\":1}", "!JSON parse error, stray '#' | {\"a\":1}"},
    {"# this is skipped {\"a\":1}", "!JSON parse error, stray '#' | {\"a\":1}"},
    // in strings
    {R"({"execute":"guest-\xping"})", "!JSON parse error, invalid escape sequence in string"},
    {R"(["\ud800"] 1 )", "!JSON parse error, invalid escape sequence in string | 1"},
    {R"(["\udc00\ud800"] 1 )", "!JSON parse error, invalid escape sequence in string | 1"},
    {R"(["\u12g4"] 1 )", "!JSON parse error, invalid escape sequence in string | 1"},
    {"{\"execute\":\"guest-\xC3ping\"}\n1\n", "!JSON parse error, invalid UTF-8 sequence in string | 1"},
    {"{\"execute\":\"guest-\x01ping\"}\n", "!JSON parse error, stray '\"guest-\\u0001' | !JSON parse error, expecting value"},
    {"\"a\n\"", "!JSON parse error, stray '\"a\\n'"},
    // grammar: one error a message, and the rest of it is skipped bracket by bracket
    {R"({"execute":"guest-ping",})", "!JSON parse error, expecting key"},
    {R"({"a":1,"a":2} 3 )", "!JSON parse error, duplicate key | 3"},
    {R"({"a" 1, {[]}} 3 )", "!JSON parse error, expected ':' | 3"},
    {R"([1 2] 3 )", "!JSON parse error, expected ',' or ']' | 3"},
    {R"({"a":1 "b":2} 3 )", "!JSON parse error, expected ',' or '}' | 3"},
    {R"([1}] 3 )", "!JSON parse error, expected ',' or ']' | !JSON parse error, expecting value | 3"},
    {R"({1:2} 3 )", "!JSON parse error, expecting key | 3"},
    {R"({{}:2} 3 )", "!JSON parse error, expecting key | 3"},
    {R"([,1] 3 )", "!JSON parse error, expecting value | 3"},
    {"}}\n3\n", "!JSON parse error, expecting value | !JSON parse error, expecting value | 3"},
    {R"([nope, {"x":[1]}] 3 )", "!JSON parse error, invalid keyword 'nope' | 3"},
    // 0xFE and 0xFF forget what came before, without a word
    {"\xFF", ""},
    {"\xFF\n\xFE{\"a\":1}", R"({"a":1})"},
    {"{\"execute\":\"guest-pi\xFF{\"a\":8}\n", R"({"a":8})"},
    {"{\"execute\":{\"b\":[\xFE{\"a\":8}\n", R"({"a":8})"},
    {"{\"a\":\"\\\xFF{\"a\":8}\n", R"({"a":8})"},
    {"[[[[ nope \xFF 5\n", "!JSON parse error, invalid keyword 'nope' | 5"},
    {"12\xFF{\"a\":1}", "12 | {\"a\":1}"},
    // a line that begins with {" is a new message
    {"{\"execute\":\n{\"a\":9}\n{\"b\":1}\n",
     "!JSON parse error, the message before this one has no end | {\"a\":9} | {\"b\":1}"},
    {"[[[[\n{'a':9}\n", "!JSON parse error, the message before this one has no end | {\"a\":9}"},
    {"{\"a\":1\n{\"b\":2}\n", "!JSON parse error, the message before this one has no end | {\"b\":2}"},
    {"[[nope\n{\"b\":2}\n",
     "!JSON parse error, invalid keyword 'nope' | !JSON parse error, the message before this one has no end | {\"b\":2}"},
    {"[\n{},\n{\n}]", "[{},{}]"},
};

TEST_CASE("a stream of JSON is read alike whole, byte by byte and split anywhere")
{
    for (const Row& row : table) {
        INFO(row.text);
        std::string wanted = row.outcome;
        for (std::size_t at; (at = wanted.find("\\u0001")) != wanted.npos;)  // in errors' texts the byte itself
            wanted.replace(at, 6, "\x01");
        if (const std::size_t at = wanted.find("stray '\"a\\n"); at != wanted.npos)
            wanted.replace(at + 9, 2, "\n");
        Reader whole;
        CHECK(outcome(whole, row.text) == wanted);
        Reader slow;
        std::string all;
        for (const char c : row.text)
            all = joined(all, outcome(slow, std::string_view(&c, 1)));
        CHECK(all == wanted);
        for (std::size_t at = 0; at <= row.text.size(); ++at) {
            Reader split;
            const std::string first = outcome(split, std::string_view(row.text).substr(0, at));
            CHECK(joined(first, outcome(split, std::string_view(row.text).substr(at))) == wanted);
        }
    }
}

TEST_CASE("a reader is as new after each complete message, and after reset()")
{
    Reader reader;
    CHECK(outcome(reader, "{\"a\":[\"text") == "");
    CHECK(reader.in_message());
    CHECK(reader.kept() > 0);
    reader.reset();
    CHECK_FALSE(reader.in_message());
    CHECK(reader.kept() == 0);
    CHECK(outcome(reader, "{\"a\":[1]}") == "{\"a\":[1]}");
    CHECK_FALSE(reader.in_message());
    CHECK(reader.kept() == 0);
}

TEST_CASE("an error quotes the beginning of what was wrong, however long that is")
{
    for (const std::string& word :
         {std::string(100'000, 'a'), std::string(100'000, '-'), "\"" + std::string(100'000, 'a') + "\n"}) {
        Reader reader;
        const std::string answer = outcome(reader, word + " ");
        CHECK(answer.starts_with("!JSON parse error, "));
        CHECK(answer.size() < 400);
    }
}

TEST_CASE("what goes over a limit costs one error, and the reader goes on")
{
    json_stream::Limits limits;
    limits.bytes = 64;
    limits.values = 10;
    limits.depth = 4;
    Reader reader(limits);
    CHECK(outcome(reader, "[[[[1]]]] ") == "[[[[1]]]]");
    CHECK(outcome(reader, "[[[[[").starts_with("!JSON nesting depth limit exceeded"));
    reader.reset();
    CHECK(outcome(reader, "[1,1,1,1,1,1,1,1,1,1,1").starts_with("!JSON token count limit exceeded"));
    reader.reset();
    CHECK(outcome(reader, "\"" + std::string(100, 'x')).starts_with("!JSON token size limit exceeded"));
    CHECK(outcome(reader, "\xFF[2]") == "[2]");
    Reader usual;
    CHECK(outcome(usual, std::string(1025, '[')) == "!JSON nesting depth limit exceeded");
    CHECK(outcome(usual, "\n{\"a\":1}") == "{\"a\":1}");
    std::string many = "{";
    for (int i = 0; i < 300; ++i)
        many += "\"k" + std::to_string(i) + "\":1,";
    CHECK(outcome(usual, many).starts_with("!JSON token count limit exceeded"));
}

TEST_CASE("a long string is put into memory that was given for it, and a short one leaves that alone")
{
    std::string spare;
    spare.reserve(1 << 20);
    const char* const memory = spare.data();
    Reader reader({}, &spare);
    CHECK(outcome(reader, "[\"short\"]") == "[\"short\"]");
    CHECK(spare.data() == memory);

    const std::string half(50'000, 'x');
    CHECK(outcome(reader, "\"" + half) == "");
    ByteView rest;
    const std::string end = half + "\"";
    rest = bytes_of(end);
    auto value = reader.next(rest);

    REQUIRE(value);
    REQUIRE(*value);
    CHECK(*(*value)->string() == half + half);
    CHECK((*value)->string()->data() == memory);
    CHECK(spare.capacity() < 100);
}

TEST_CASE("a message that nobody has room for is skipped to its end")
{
    for (const std::string begun : {"{\"a\":[\"text", "{\"a\":[1,", "{\"a\":"}) {
        Reader reader;
        CHECK(outcome(reader, begun) == "");
        reader.skip_message();
        CHECK(reader.kept() == 0);
        CHECK(outcome(reader, begun.ends_with("text") ? "\"]} 5 " : begun.ends_with(",") ? "2]} 5 " : "1} 5 ") == "5");
    }
}

}  // namespace
}  // namespace bellhop::test
