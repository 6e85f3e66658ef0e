// SPDX-License-Identifier: Apache-2.0
// Blocks of base64 by vector instructions. For base64.cpp only.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace bellhop::base64 {

inline constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
inline constexpr std::uint8_t no_letter = 0xFF;
inline constexpr std::array<std::uint8_t, 256> value_of = [] {
    std::array<std::uint8_t, 256> all{};
    all.fill(no_letter);
    for (std::uint8_t value = 0; value < 64; ++value)
        all[static_cast<unsigned char>(alphabet[value])] = value;
    return all;
}();

}  // namespace bellhop::base64

namespace bellhop::base64::vector {

constexpr int largest_block = 64;  // letters

struct Ways {
    // How many bytes were taken from the front, a multiple of 3: four letters were written for every three.
    std::size_t (*encode)(const unsigned char* in, std::size_t count, char* out) = nullptr;
    // How many letters were taken, a multiple of 4: up to where a block has something else in it. `out` may be `in` or before it.
    std::size_t (*decode)(const unsigned char* in, std::size_t count, unsigned char* out) = nullptr;
};
Ways ways();        // the fastest that this processor has
Ways small_ways();  // of 16 bytes at a time

}  // namespace bellhop::base64::vector
