// SPDX-License-Identifier: Apache-2.0
// The plain way takes a quantum at a time: a table for each direction. The vector ways (base64_vector.hpp) take whole blocks and
// leave the rest to the plain one: the tail, and whatever block has something in it that is not of the alphabet.
#include "base/base64.hpp"

#include "base/base64_vector.hpp"

#include <cstdint>

namespace bellhop::base64 {
namespace {

void encode_plain(const unsigned char* in, std::size_t count, char* out)
{
    for (; count >= 3; count -= 3, in += 3, out += 4) {
        const unsigned three = unsigned(in[0]) << 16 | unsigned(in[1]) << 8 | in[2];
        out[0] = alphabet[three >> 18];
        out[1] = alphabet[three >> 12 & 63];
        out[2] = alphabet[three >> 6 & 63];
        out[3] = alphabet[three & 63];
    }
    if (count == 0)
        return;
    const unsigned last = unsigned(in[0]) << 16 | (count > 1 ? unsigned(in[1]) << 8 : 0u);
    out[0] = alphabet[last >> 18];
    out[1] = alphabet[last >> 12 & 63];
    out[2] = count > 1 ? alphabet[last >> 6 & 63] : '=';
    out[3] = '=';
}

vector::Ways ways_for(Way way)
{
    return way == Way::plain ? vector::Ways{} : way == Way::best_small ? vector::small_ways() : vector::ways();
}

}  // namespace

void encode(std::string& out, ByteView bytes, Way way)
{
    const std::size_t before = out.size();
    out.resize(before + encoded_size(bytes.size()));
    const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
    const vector::Ways ways = ways_for(way);
    const std::size_t done = ways.encode ? ways.encode(in, bytes.size(), out.data() + before) : 0;
    encode_plain(in + done, bytes.size() - done, out.data() + before + done / 3 * 4);
}

std::optional<const char*> decode(std::string& text, Way way)
{
    const vector::Ways ways = ways_for(way);
    const auto* in = reinterpret_cast<const unsigned char*>(text.data());
    const auto* const end = in + text.size();
    auto* out = reinterpret_cast<unsigned char*>(text.data());
    unsigned quantum = 0, letters = 0, padding = 0;
    while (in != end) {
        if (letters == 0 && padding == 0 && ways.decode) {
            const std::size_t done = ways.decode(in, std::size_t(end - in), out);
            in += done;
            out += done / 4 * 3;
        }
        // Through the block that the vectors refused, or the end of its line: lines have a multiple of four letters, mostly.
        for (int steps = vector::largest_block; in != end && (steps > 0 || letters != 0); --steps) {
            const unsigned char c = *in++;
            if (c == '\n')
                steps = 0;
            const std::uint8_t value = value_of[c];
            if (value != no_letter && padding == 0) {
                quantum = quantum << 6 | value;
                if (++letters < 4)
                    continue;
                *out++ = static_cast<unsigned char>(quantum >> 16);
                *out++ = static_cast<unsigned char>(quantum >> 8);
                *out++ = static_cast<unsigned char>(quantum);
                quantum = letters = 0;
            } else if (c == '=')
                ++padding;
            else if (c != '\n')
                return value == no_letter ? "Base64 data contains invalid characters" : "Base64 data goes on behind its padding";
        }
    }
    if (letters + padding != 0 && (letters < 2 || letters + padding != 4))
        return "Base64 data has a wrong length";
    if (letters == 2)
        *out++ = static_cast<unsigned char>(quantum >> 4);
    if (letters == 3) {
        *out++ = static_cast<unsigned char>(quantum >> 10);
        *out++ = static_cast<unsigned char>(quantum >> 2);
    }
    text.resize(std::size_t(out - reinterpret_cast<unsigned char*>(text.data())));
    return std::nullopt;
}

void encode(std::string& out, ByteView bytes)
{
    encode(out, bytes, Way::best);
}

std::optional<const char*> decode(std::string& text)
{
    return decode(text, Way::best);
}

}  // namespace bellhop::base64
