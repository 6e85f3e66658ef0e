// SPDX-License-Identifier: Apache-2.0
// CRC-32 as zlib, gzip and cksum -o 3 have it (ISO 3309): against accidents on the way, not against anybody.
#pragma once
#include <bellhop/bytes.hpp>

#include <cstdint>

namespace bellhop {

std::uint32_t crc32(ByteView, std::uint32_t before = 0);  // before: of what came before these bytes

}  // namespace bellhop
