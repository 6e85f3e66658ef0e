// SPDX-License-Identifier: Apache-2.0
#include "text.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace bellhop::tool {
namespace {

bool is_control(std::string_view character)
{
    const auto first = static_cast<unsigned char>(character[0]);
    return first < 0x20 || first == 0x7F ||
           (first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0);  // C1: some terminals obey these too
}

}  // namespace

bool is_utf8(std::string_view text)
{
    for (std::size_t at = 0, length; at < text.size(); at += length)
        if ((length = utf8::length_at(text, at)) == 0)
            return false;
    return true;
}

std::string printable(std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        const std::size_t length = utf8::length_at(text, 0);
        const std::string_view character = text.substr(0, length == 0 ? 1 : length);
        out += length == 0 || is_control(character) ? "?" : character;
        text.remove_prefix(character.size());
    }
    return out;
}

// Every word, not only the odd ones: bare, `if` would be a keyword and `A=1` an assignment.
std::string quoted_for_sh(const std::vector<std::string>& words)
{
    std::string out;
    for (const std::string& word : words) {
        out += out.empty() ? "'" : " '";
        for (char c : word)
            if (c == '\'')
                out += "'\\''";
            else
                out += c;
        out += '\'';
    }
    return out;
}

std::string size_text(double bytes)
{
    static constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < units.size()) {
        bytes /= 1024;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return text;
}

std::string duration_text(double seconds)
{
    const auto whole = static_cast<long long>(std::clamp(seconds, 0.0, 1e15) + 0.5);
    char text[48];
    if (whole >= 3600)
        std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
    return text;
}

}  // namespace bellhop::tool
