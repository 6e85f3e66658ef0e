// SPDX-License-Identifier: Apache-2.0
#include "base/key_file.hpp"
#include "support/catch.hpp"

using namespace bellhop;

namespace {

std::string shown(const std::vector<key_file::Entry>& entries)
{
    std::string text;
    for (const key_file::Entry& one : entries)
        text += std::to_string(one.line) + ":" + one.group + "." + one.key + "=" + one.value + "|";
    return text;
}

}  // namespace

TEST_CASE("key file: groups, keys, comments and blanks", "[key-file]")
{
    struct Row {
        std::string text, entries;
    };
    const Row row = GENERATE(values<Row>({
        {"", ""},
        {"# only a comment\n\n   \n", ""},
        {"[a]\nk=v", "2:a.k=v|"},
        {"[a]\n  k \t= \tv w \n", "2:a.k=v w |"},
        {"[a]\r\nk=v\r\n", "2:a.k=v|"},
        {"  [a] \n#k=no\n k=1\n[b c]\nk=2\n[a]\nk=3\n", "3:a.k=1|5:b c.k=2|7:a.k=3|"},
        {"[a]\nk=v # no comment\n", "2:a.k=v # no comment|"},
        {"[a]\nk==v=\n", "2:a.k==v=|"},
        {"[a]\nk=\n", "2:a.k=|"},
        {"[a]\nk[de]=v\n", "2:a.k[de]=v|"},
    }));

    const auto entries = key_file::parse(row.text);

    REQUIRE(entries);
    CHECK(shown(*entries) == row.entries);
}

TEST_CASE("key file: what is wrong is named with its line", "[key-file]")
{
    struct Row {
        std::string text, error;
    };
    const Row row = GENERATE(values<Row>({
        {"k=v", "line 1: 'k' comes before any [GROUP]"},
        {"[a]\nnonsense \n", "line 2: 'nonsense' is not KEY=VALUE"},
        {"[a]\n=v\n", "line 2: '=v' is not KEY=VALUE"},
        {"#\n[a\n", "line 2: '[a' is not [GROUP]"},
        {"[]\n", "line 1: '[]' is not [GROUP]"},
        {"[a]b]\n", "line 1: '[a]b]' is not [GROUP]"},
    }));

    const auto entries = key_file::parse(row.text);

    REQUIRE_FALSE(entries);
    CHECK(entries.error().text == row.error);
}

TEST_CASE("key file: escapes and lists", "[key-file]")
{
    CHECK(*key_file::plain("a\\sb\\tc\\nd\\re\\\\f") == "a b\tc\nd\re\\f");
    CHECK_FALSE(key_file::plain("a\\x"));
    CHECK_FALSE(key_file::plain("a\\"));

    using List = std::vector<std::string>;
    CHECK(*key_file::list("") == List{});
    CHECK(*key_file::list("a") == List{"a"});
    CHECK(*key_file::list("a;b;") == List{"a", "b"});
    CHECK(*key_file::list(";a;;b") == List{"", "a", "", "b"});
    CHECK(*key_file::list("a\\;b;c") == List{"a;b", "c"});
    CHECK_FALSE(key_file::list("a;\\"));
}
