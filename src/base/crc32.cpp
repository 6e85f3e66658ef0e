// SPDX-License-Identifier: Apache-2.0
// Four bytes at a time by four tables, which are made at compile time.
#include "base/crc32.hpp"

#include <array>

namespace bellhop {
namespace {

using Table = std::array<std::uint32_t, 256>;

constexpr std::array<Table, 4> tables = [] {
    std::array<Table, 4> all{};
    for (std::uint32_t n = 0; n < 256; ++n) {
        std::uint32_t rest = n;
        for (int bit = 0; bit < 8; ++bit)
            rest = rest & 1 ? 0xEDB88320u ^ rest >> 1 : rest >> 1;
        all[0][n] = rest;
    }
    for (std::size_t n = 0; n < 256; ++n)
        for (std::size_t table = 1; table < 4; ++table)
            all[table][n] = all[table - 1][n] >> 8 ^ all[0][all[table - 1][n] & 255];
    return all;
}();

}  // namespace

std::uint32_t crc32(ByteView bytes, std::uint32_t before)
{
    std::uint32_t crc = ~before;
    const auto byte = [&bytes](std::size_t at) { return std::to_integer<std::uint32_t>(bytes[at]); };
    for (; bytes.size() >= 4; bytes = bytes.subspan(4)) {
        crc ^= byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
        crc = tables[3][crc & 255] ^ tables[2][crc >> 8 & 255] ^ tables[1][crc >> 16 & 255] ^ tables[0][crc >> 24];
    }
    for (; !bytes.empty(); bytes = bytes.subspan(1))
        crc = tables[0][(crc ^ byte(0)) & 255] ^ crc >> 8;
    return ~crc;
}

}  // namespace bellhop
