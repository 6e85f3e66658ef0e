// SPDX-License-Identifier: Apache-2.0
#include "framing/xenstore.hpp"
#include "support/catch.hpp"
#include "support/fragments.hpp"

#include <cerrno>

using namespace bellhop;
using namespace bellhop::test;
using namespace bellhop::xenstore;
using namespace std::string_literals;

namespace {

struct Got {
    Type type;
    std::uint32_t request, transaction;
    std::string payload;
    bool operator==(const Got&) const = default;
};

struct Read {
    std::vector<Got> messages;
    std::optional<Error> error;
};

Read read_all(const std::vector<std::string>& fragments)
{
    Read all;
    Reader reader;
    for (const std::string& fragment : fragments)
        for (ByteView input = bytes_of(fragment);;) {
            Result<std::optional<Message>> message = reader.next(input);
            if (!message)
                return all.error = message.error(), all;
            if (!*message) {
                REQUIRE(input.empty());
                break;
            }
            const Message& one = **message;
            all.messages.push_back({one.type, one.request, one.transaction, std::string(one.payload)});
        }
    return all;
}

std::string header(std::uint32_t type, std::uint32_t request, std::uint32_t transaction, std::uint32_t length)
{
    const std::uint32_t words[] = {type, request, transaction, length};
    return {reinterpret_cast<const char*>(words), sizeof words};
}

}  // namespace

TEST_CASE("xenstore: a request is laid out as the protocol says", "[framing][xenstore]")
{
    const std::string path = "data/host";

    CHECK(*message({Type::watch, 1}, {path, "t"}) == header(4, 1, 0, 12) + "data/host\0t\0"s);
    CHECK(*message({Type::directory, 2}, {path}) == header(1, 2, 0, 10) + "data/host\0"s);
    CHECK(*message({Type::write, 3, 7}, {path}, "a\0b"s) == header(11, 3, 7, 13) + "data/host\0a\0b"s);
    CHECK(*message({Type::write, 3, 7}, {path}, "") == header(11, 3, 7, 10) + "data/host\0"s);
    CHECK(*message({Type::transaction_start, 4}, {""}) == header(6, 4, 0, 1) + "\0"s);
    CHECK(*message({Type::transaction_end, 5, 9}, {"T"}) == header(7, 5, 9, 2) + "T\0"s);
    CHECK(*message({Type::directory_part, 6}, {path, "4096"}) == header(22, 6, 0, 15) + "data/host\0" "4096\0"s);
}

TEST_CASE("xenstore: what would kill the ring is not made", "[framing][xenstore]")
{
    const std::size_t longest = GENERATE(max_payload, max_device_payload);
    const std::string path = "data/guest";

    CHECK(message({Type::write, 1}, {path}, std::string(longest - path.size() - 1, 'x'), longest));
    const auto longer = message({Type::write, 1}, {path}, std::string(longest - path.size(), 'x'), longest);
    REQUIRE_FALSE(longer);
    CHECK(longer.error().kind == Error::Kind::too_big);
    CHECK(longer.error().os.value() == E2BIG);
    const auto two = message({Type::read, 1}, {"a\0b"s});
    REQUIRE_FALSE(two);
    CHECK(two.error().os.value() == EINVAL);
}

TEST_CASE("xenstore: messages come out as they went in, however they are cut", "[framing][xenstore]")
{
    const std::string wire = header(15, 0, 0, 15) + "data/host\0nova\0"s + header(4, 1, 0, 3) + "OK\0"s + header(1, 2, 0, 0) +
                             header(16, 0xffffffff, 3, 7) + "ENOENT\0"s + header(0xffff, 4, 0, 1) + "x";
    const std::vector<Got> all{{Type::watch_event, 0, 0, "data/host\0nova\0"s},
                               {Type::watch, 1, 0, "OK\0"s},
                               {Type::directory, 2, 0, ""},
                               {Type::error, 0xffffffff, 3, "ENOENT\0"s},
                               {Type(0xffff), 4, 0, "x"}};

    for (const auto& fragments : fragmentations(wire)) {
        const Read read = read_all(fragments);

        CHECK_FALSE(read.error);
        CHECK(read.messages == all);
    }
}

TEST_CASE("xenstore: a length over the cap is refused as soon as it is known", "[framing][xenstore]")
{
    const std::uint32_t length = GENERATE(65537u, 0x80000000u, 0xffffffffu);

    for (const auto& fragments : fragmentations(header(2, 1, 0, length))) {
        const Read read = read_all(fragments);

        REQUIRE(read.error);
        CHECK(read.error->kind == Error::Kind::too_big);
    }
    CHECK(read_all({header(2, 1, 0, 65536) + std::string(65536, 'v')}).messages.size() == 1);
}

TEST_CASE("xenstore: what is cut off is no message", "[framing][xenstore]")
{
    const std::string wire = header(2, 1, 0, 5) + "value";

    for (std::size_t size = 0; size < wire.size(); ++size)
        CHECK(read_all({wire.substr(0, size)}).messages.empty());
}

TEST_CASE("xenstore: names and events, whether their last NUL is there or not", "[framing][xenstore]")
{
    using Names = std::vector<std::string>;
    CHECK(words_of("").empty());
    CHECK(words_of("\0"s).empty());
    CHECK(words_of("a\0bc\0"s) == Names{"a", "bc"});
    CHECK(words_of("a\0\0bc"s) == Names{"a", "bc"});

    for (const std::string& payload : {"data/host/1\0t7\0"s, "data/host/1\0t7"s, "data/host/1\0t7\0more\0"s}) {
        CHECK(event_of(payload).path == "data/host/1");
        CHECK(event_of(payload).token == "t7");
    }
    CHECK(event_of("only").path == "only");
    CHECK(event_of("only").token.empty());
    CHECK(event_of("").path.empty());
}

TEST_CASE("xenstore: a part of a directory says whether it is the last", "[framing][xenstore]")
{
    const auto check = [](const std::string& payload, const std::string& generation, const std::string& names, bool last) {
        const Part part = part_of(payload);
        CHECK(part.generation == generation);
        CHECK(part.names == names);
        CHECK(part.last == last);
    };
    check("12\0a\0b\0"s, "12", "a\0b\0"s, false);
    check("12\0a\0b\0\0"s, "12", "a\0b\0"s, true);
    check("12\0\0"s, "12", "", true);
    check("12\0"s, "12", "", true);
    check("", "", "", true);
}

TEST_CASE("xenstore: an error's word is an errno", "[framing][xenstore]")
{
    const auto [word, code] = GENERATE(table<std::string, int>({{"ENOENT", ENOENT},
                                                                {"EACCES", EACCES},
                                                                {"E2BIG", E2BIG},
                                                                {"ENOSPC", ENOSPC},
                                                                {"EAGAIN", EAGAIN},
                                                                {"EQUOTA", EDQUOT},
                                                                {"ENOTEMPTY", ENOTEMPTY},
                                                                {"EWHATEVER", EINVAL},
                                                                {"", EINVAL}}));
    CHECK(code_of(word).value() == code);
    CHECK(code_of(word).category() == std::system_category());
}
