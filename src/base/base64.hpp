// SPDX-License-Identifier: Apache-2.0
// Base64 with padding (RFC 4648 section 4), by vector instructions where this processor has some.
// docs/decisions/0007-base64.md.
#pragma once
#include <bellhop/bytes.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace bellhop::base64 {

constexpr std::size_t encoded_size(std::size_t count)
{
    return (count + 2) / 3 * 4;
}
void encode(std::string& out, ByteView);  // appends

// In place: the text becomes the bytes it stands for. Newlines may be anywhere, nothing else may. What was wrong, in a sentence;
// the text is not to be used then.
std::optional<const char*> decode(std::string& text);

// The ways there are; the calls above choose. For tests: a way that this processor lacks works as `plain`.
enum class Way { plain, best_small, best };
void encode(std::string& out, ByteView, Way);
std::optional<const char*> decode(std::string& text, Way);

}  // namespace bellhop::base64
