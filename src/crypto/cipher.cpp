// SPDX-License-Identifier: Apache-2.0
// AES-128 in CBC mode with padding as in PKCS#7; key and IV by OpenSSL's EVP_BytesToKey(3) with MD5, one round and no salt. That
// derivation is nova's, and as weak as its exchange.
#include "crypto/cipher.hpp"

#include <algorithm>
#include <mbedtls/aes.h>
#include <mbedtls/md5.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/version.h>

namespace bellhop::crypto {
namespace {

constexpr std::size_t block = 16;
using Block = std::array<unsigned char, block>;

const unsigned char* bytes(std::string_view text)
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

void md5(std::string_view text, Block& to)  // Mbed TLS wipes what it has used
{
#if MBEDTLS_VERSION_MAJOR < 3
    static_cast<void>(mbedtls_md5_ret(bytes(text), text.size(), to.data()));
#else
    static_cast<void>(mbedtls_md5(bytes(text), text.size(), to.data()));
#endif
}

class Aes {
public:
    Aes() { mbedtls_aes_init(&context_); }
    Aes(const Aes&) = delete;
    ~Aes() { mbedtls_aes_free(&context_); }  // wipes it
    mbedtls_aes_context* operator*() { return &context_; }

private:
    mbedtls_aes_context context_;
};

void run(Aes& aes, int mode, Block iv, std::string& text)  // in place; whole blocks
{
    auto* const at = reinterpret_cast<unsigned char*>(text.data());
    static_cast<void>(mbedtls_aes_crypt_cbc(*aes, mode, text.size(), iv.data(), at, at));
}

}  // namespace

Key::Key(std::string_view shared)
{
    md5(shared, key);
    std::string both;
    both.reserve(key.size() + shared.size());
    both.append(reinterpret_cast<const char*>(key.data()), key.size()) += shared;
    const Secret second(std::move(both));
    md5(second.view(), iv);
}

Key::~Key()
{
    mbedtls_platform_zeroize(key.data(), key.size());
    mbedtls_platform_zeroize(iv.data(), iv.size());
}

std::string encrypt(const Key& key, std::string_view plain)
{
    const std::size_t padding = block - plain.size() % block;
    std::string text;
    text.reserve(plain.size() + padding);
    text += plain;
    text.append(padding, char(padding));
    Aes aes;
    static_cast<void>(mbedtls_aes_setkey_enc(*aes, key.key.data(), 8 * block));
    run(aes, MBEDTLS_AES_ENCRYPT, key.iv, text);
    return text;
}

Result<Secret> decrypt(const Key& key, std::string_view cipher)
{
    if (cipher.size() % block != 0)
        return Error{Error::Kind::bad_request, {}, "The length of the provided data is not a multiple of the block length."};
    std::string text(cipher);
    Aes aes;
    static_cast<void>(mbedtls_aes_setkey_dec(*aes, key.key.data(), 8 * block));
    run(aes, MBEDTLS_AES_DECRYPT, key.iv, text);
    const std::size_t padding = text.empty() ? 0 : static_cast<unsigned char>(text.back());
    const bool whole =
        padding >= 1 && padding <= block &&
        std::all_of(text.end() - std::ptrdiff_t(padding), text.end(), [&text](char c) { return c == text.back(); });
    if (!whole) {
        wipe(text);
        return Error{Error::Kind::bad_request, {}, "Invalid password data received"};
    }
    text.resize(text.size() - padding);
    return Secret(std::move(text));
}

}  // namespace bellhop::crypto
