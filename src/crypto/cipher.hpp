// SPDX-License-Identifier: Apache-2.0
// The cipher that nova's passwords come in: what `openssl enc -aes-128-cbc -md md5 -nosalt -pass pass:SHARED` makes of them.
#pragma once
#include <bellhop/result.hpp>
#include <bellhop/secret.hpp>

#include <array>
#include <string>
#include <string_view>

namespace bellhop::crypto {

struct Key {  // wiped when it goes
    explicit Key(std::string_view shared);
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();
    std::array<unsigned char, 16> key{}, iv{};
};

std::string encrypt(const Key&, std::string_view plain);
// bad_request: cut off, changed on its way, or encrypted by another key; the padding is looked at whole.
Result<Secret> decrypt(const Key&, std::string_view cipher);

}  // namespace bellhop::crypto
