// SPDX-License-Identifier: Apache-2.0
// How nova and its agent agree on a key: Diffie-Hellman modulo 2^107 - 1 with generator 5, numbers as decimal text. Nobody proves
// who he is, and numbers of this size have been broken for decades: it keeps a password out of listings and logs, and is no
// security against whoever can change or record what is exchanged.
#pragma once
#include <bellhop/result.hpp>
#include <bellhop/secret.hpp>

#include <string>
#include <string_view>

namespace bellhop::crypto {

class KeyExchange {  // either side of it
public:
    static Result<KeyExchange> make();  // with a private number of its own; busy: the kernel has no random bytes yet
    static KeyExchange of(std::string private_bytes);  // big-endian, wiped when we go

    const std::string& public_key() const { return public_; }
    // What both sides know then, as decimal text. bad_request: not a number, or one that tells everybody the outcome. Blanks
    // around it do not count, and it may be larger than the modulus.
    Result<Secret> shared(std::string_view their_public_key) const;

private:
    KeyExchange() = default;
    Secret private_;
    std::string public_;
};

}  // namespace bellhop::crypto
