// SPDX-License-Identifier: Apache-2.0
// Known answers were made by openssl enc and decrypted by nova-agent's own code.
#include "base/base64.hpp"
#include "crypto/cipher.hpp"
#include "support/catch.hpp"

using namespace bellhop;

namespace {

const crypto::Key key("19893132652336242281038186108517");

std::string hex(const std::array<unsigned char, 16>& bytes)
{
    std::string text;
    for (const unsigned char byte : bytes)
        (text += "0123456789abcdef"[byte >> 4]) += "0123456789abcdef"[byte & 15];
    return text;
}

std::string decrypted(const crypto::Key& by, std::string base64_text)
{
    REQUIRE_FALSE(base64::decode(base64_text));
    const Result<Secret> plain = crypto::decrypt(by, base64_text);
    return plain ? std::string(plain->view()) : "error: " + plain.error().text;
}

std::string encrypted(const crypto::Key& by, std::string_view plain)
{
    std::string text;
    base64::encode(text, bytes_of(crypto::encrypt(by, plain)));
    return text;
}

const std::string bad = "error: Invalid password data received",
                  uneven = "error: The length of the provided data is not a multiple of the block length.";

}  // namespace

TEST_CASE("cipher: key and IV are those of openssl", "[crypto]")
{
    CHECK(hex(key.key) == "70448a1c6f6d15612440540cf7b89495");
    CHECK(hex(key.iv) == "b76a96b63c7c71596dc883334b3ebacf");
}

TEST_CASE("cipher: what openssl makes of a password, and back", "[crypto]")
{
    struct Row {
        std::string plain, cipher;
    };
    const Row row = GENERATE(values<Row>({
        {"mEoW4567\n", "k5FFrQ6WRPRG89AFoQ267Q=="},
        {"correct horse battery\n", "8chkD8LXHfMY+4I5puAJlJUKV44w6P0NJ+fn5lP4TuQ="},
        {"0123456789abcde\n", "kcwaTsat6hW5XoCcuOjjb8uynd2v5ykuPhly7ey00C8="},
        {"", "RUYxxaJgBgdcSzdYRwAFoA=="},
        {"p\xc3\xa4ssw\xc3\xb6rd\n", "ZDFkMYGG5oEQkzolpkasXg=="},
    }));
    CHECK(encrypted(key, row.plain) == row.cipher);
    CHECK(decrypted(key, row.cipher) == row.plain);
}

TEST_CASE("cipher: what was encrypted by another key, or by another digest, is no password", "[crypto]")
{
    CHECK(decrypted(key, "M/Z1dKH5ZqrT9Kc0OtO7sA==") == bad);            // openssl 3 takes SHA-256
    const crypto::Key other("242416858127415443985927051233248666254");  // of nova-agent's own tests
    CHECK(hex(other.key) == "f80598bb2027ee4d3c3de28e55f645a1");
    CHECK(hex(other.iv) == "3bd1ac527c3ac2dd23741831ad11640b");
    CHECK(decrypted(other, "6E6haX/YGRSEcR9X9+3nLOgD+ItDTv9/uOHms02Cos0sqI/k1uFIC3V/YNydHJOk") == bad);
}

TEST_CASE("cipher: padding is looked at whole", "[crypto]")
{
    // The last two blocks' ciphertext, changed: a byte of the last but one flips the same byte of the last one's plain text.
    const std::string whole = crypto::encrypt(key, std::string(20, 'x'));  // 12 bytes of padding, each 12
    REQUIRE(whole.size() == 32);
    for (std::size_t at = 4; at < 16; ++at) {
        std::string changed = whole;
        changed[at] = char(changed[at] ^ 0x40);
        CHECK_FALSE(crypto::decrypt(key, changed));
    }
    for (const int last : {0, 17, 32, 255}) {
        std::string changed = whole;
        changed[15] = char(changed[15] ^ 12 ^ last);
        INFO(last);
        CHECK_FALSE(crypto::decrypt(key, changed));
    }
    std::string changed = whole;
    changed[15] = char(changed[15] ^ 12 ^ 1);  // one byte of padding is whole, whatever stands before
    REQUIRE(crypto::decrypt(key, changed));
    CHECK(crypto::decrypt(key, changed)->view().size() == 31);
}

TEST_CASE("cipher: of nothing, or of half a block, nothing is made", "[crypto]")
{
    CHECK(decrypted(key, "") == bad);
    for (const std::size_t size : {1, 15, 17, 31}) {
        const Result<Secret> plain = crypto::decrypt(key, std::string(size, 'x'));
        REQUIRE_FALSE(plain);
        CHECK("error: " + plain.error().text == uneven);
    }
}

TEST_CASE("cipher: every length comes back", "[crypto]")
{
    for (std::size_t size = 0; size < 50; ++size) {
        const std::string plain(size, 'p');
        const Result<Secret> back = crypto::decrypt(key, crypto::encrypt(key, plain));
        REQUIRE(back);
        CHECK(back->view() == plain);
    }
}
