// SPDX-License-Identifier: Apache-2.0
// Views of raw bytes. They own nothing: what they look at must outlive them.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

namespace bellhop {

using ByteView = std::span<const std::byte>;
using Chunk = std::span<std::byte>;  // memory that all readers of one loop share; nobody keeps what is in it

inline ByteView bytes_of(std::string_view text)
{
    return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view text_of(ByteView bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace bellhop
