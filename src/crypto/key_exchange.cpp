// SPDX-License-Identifier: Apache-2.0
// Mbed TLS's numbers, which are wiped when they are freed; getrandom(2).
#include "crypto/key_exchange.hpp"

#include <algorithm>
#include <mbedtls/bignum.h>
#include <new>
#include <sys/random.h>

namespace bellhop::crypto {
namespace {

constexpr std::size_t most_digits = 1024, private_size = 16;
constexpr char modulus_text[] = "162259276829213363391578010288127";  // 2^107 - 1

void check(int error)  // what can go wrong with numbers of a size that we have looked at
{
    if (error)
        throw std::bad_alloc();
}

class Number {
public:
    Number() { mbedtls_mpi_init(&value_); }
    explicit Number(const char* decimal) : Number() { check(mbedtls_mpi_read_string(&value_, 10, decimal)); }
    explicit Number(int small) : Number() { check(mbedtls_mpi_lset(&value_, small)); }
    Number(const Number&) = delete;
    ~Number() { mbedtls_mpi_free(&value_); }
    mbedtls_mpi* operator*() { return &value_; }

    Secret text()
    {
        std::string digits(64, '\0');
        std::size_t length = 0;
        check(mbedtls_mpi_write_string(&value_, 10, digits.data(), digits.size(), &length));
        digits.resize(length - 1);  // it counts a NUL
        return Secret(std::move(digits));
    }

private:
    mbedtls_mpi value_;
};

// 0, 1 and p - 1: whatever it is raised to, the outcome is one of these.
bool betrays(Number& reduced)
{
    Number last(modulus_text);
    check(mbedtls_mpi_sub_int(*last, *last, 1));
    return mbedtls_mpi_cmp_int(*reduced, 1) <= 0 || mbedtls_mpi_cmp_mpi(*reduced, *last) == 0;
}

Secret power(Number& base, std::string_view exponent_bytes)
{
    Number modulus(modulus_text), exponent, result;
    check(
        mbedtls_mpi_read_binary(*exponent, reinterpret_cast<const unsigned char*>(exponent_bytes.data()), exponent_bytes.size()));
    check(mbedtls_mpi_exp_mod(*result, *base, *exponent, *modulus, nullptr));
    return result.text();
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

}  // namespace

Result<KeyExchange> KeyExchange::make()
{
    std::string bytes(private_size, '\0');
    // Without GRND_NONBLOCK a young guest would sleep here, all its loop with it.
    if (::getrandom(bytes.data(), bytes.size(), GRND_NONBLOCK) != ssize_t(bytes.size()))
        return Error{Error::Kind::busy, {}, "the guest has no random numbers yet"};
    return of(std::move(bytes));
}

KeyExchange KeyExchange::of(std::string private_bytes)
{
    KeyExchange ours;
    ours.private_ = Secret(std::move(private_bytes));
    Number generator(5);
    ours.public_ = power(generator, ours.private_.view()).view();
    return ours;
}

Result<Secret> KeyExchange::shared(std::string_view their_public_key) const
{
    constexpr std::string_view blanks = " \t\r\n";
    std::string_view digits = their_public_key;
    digits.remove_prefix(std::min(digits.size(), digits.find_first_not_of(blanks)));
    digits = digits.substr(0, digits.find_last_not_of(blanks) + 1);
    if (digits.empty() || digits.size() > most_digits || !std::all_of(digits.begin(), digits.end(), &is_digit))
        return Error{Error::Kind::bad_request, {}, "the public key is not a decimal number"};
    Number theirs(std::string(digits).c_str()), modulus(modulus_text);
    check(mbedtls_mpi_mod_mpi(*theirs, *theirs, *modulus));
    if (betrays(theirs))
        return Error{Error::Kind::bad_request, {}, "the public key is one that hides nothing"};
    return power(theirs, private_.view());
}

}  // namespace bellhop::crypto
