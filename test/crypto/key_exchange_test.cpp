// SPDX-License-Identifier: Apache-2.0
// Known answers were made by Python's pow() and confirmed by nova-agent's own code.
#include "crypto/key_exchange.hpp"
#include "support/catch.hpp"

using namespace bellhop;
using crypto::KeyExchange;

namespace {

std::string bytes(std::string_view hex)
{
    std::string all;
    if (hex.size() % 2)
        all += char(std::stoi(std::string(hex.substr(0, 1)), nullptr, 16));
    for (std::size_t at = hex.size() % 2; at < hex.size(); at += 2)
        all += char(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
    return all;
}

std::string shared(const KeyExchange& ours, std::string_view theirs)
{
    const Result<Secret> both = ours.shared(theirs);
    return both ? std::string(both->view()) : both.error().text;
}

const std::string host_key = "128492706489454800633959484585958", guest_key = "97441977555421002270405970691613",
                  both_know = "19893132652336242281038186108517", prime = "162259276829213363391578010288127";

}  // namespace

TEST_CASE("key exchange: both sides come to what others come to", "[crypto]")
{
    const KeyExchange host = KeyExchange::of(bytes("0123456789abcdef0123"));
    const KeyExchange guest = KeyExchange::of(bytes("fedcba98765432100123456789abcdef"));
    CHECK(host.public_key() == host_key);
    CHECK(guest.public_key() == guest_key);
    CHECK(shared(guest, host_key) == both_know);
    CHECK(shared(host, guest_key) == both_know);
}

TEST_CASE("key exchange: powers that others have computed", "[crypto]")
{
    CHECK(KeyExchange::of(bytes("100000")).public_key() == "34615938785032104625638618223100");
    CHECK(KeyExchange::of(bytes("7fffffffffffffffffffffffffd")).public_key() == "64903710731685345356631204115251");
    CHECK(KeyExchange::of(bytes("01")).public_key() == "5");
    CHECK(KeyExchange::of("").public_key() == "1");
    // One of nova-agent's tests; the public key is over the modulus.
    CHECK(shared(KeyExchange::of(bytes("16fe2aec0103031f768de8b44b7")), "242416858127415443985927051233248666254") ==
          "158481232637345256609879856716487");
}

TEST_CASE("key exchange: a public key over the modulus is reduced, and blanks do not count", "[crypto]")
{
    const KeyExchange guest = KeyExchange::of(bytes("fedcba98765432100123456789abcdef"));
    CHECK(shared(guest, "290751983318668164025537494874085") == both_know);  // host_key + prime
    CHECK(shared(guest, " \t" + host_key + "\r\n") == both_know);
    CHECK(shared(guest, std::string(900, '0') + host_key) == both_know);
}

TEST_CASE("key exchange: what is no public key is refused", "[crypto]")
{
    const KeyExchange guest = KeyExchange::of(bytes("fedcba98765432100123456789abcdef"));
    for (const std::string& text : {std::string(), std::string(" "), std::string("abc"), std::string("-5"), std::string("0x5"),
                                    std::string("5 5"), std::string("5.0"), std::string("5\0", 2), std::string(1025, '7')}) {
        INFO(text);
        CHECK(shared(guest, text) == "the public key is not a decimal number");
    }
    for (const char* text : {"0", "1", "000", "162259276829213363391578010288126", "162259276829213363391578010288127",
                             "162259276829213363391578010288128", "324518553658426726783156020576253",
                             "324518553658426726783156020576254", "324518553658426726783156020576255"}) {
        INFO(text);
        CHECK(shared(guest, text) == "the public key is one that hides nothing");
    }
    CHECK(shared(guest, "2") != "the public key is one that hides nothing");
}

TEST_CASE("key exchange: two that are made differ, and understand each other", "[crypto]")
{
    const Result<KeyExchange> one = KeyExchange::make(), other = KeyExchange::make();
    REQUIRE((one && other));
    CHECK(one->public_key() != other->public_key());
    CHECK(shared(*one, other->public_key()) == shared(*other, one->public_key()));
    CHECK(shared(*one, other->public_key()).size() > 20);
}
