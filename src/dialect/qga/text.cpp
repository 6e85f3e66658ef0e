// SPDX-License-Identifier: Apache-2.0
#include "dialect/qga/text.hpp"

#include "base/utf8.hpp"

#include <cstdio>

namespace bellhop::qga {
namespace {

void write_unit(std::string& out, unsigned unit)
{
    static constexpr std::string_view digits = "0123456789ABCDEF";
    out += "\\u";
    for (const int shift : {12, 8, 4, 0})
        out += digits[unit >> shift & 0xF];
}

unsigned code_of(std::string_view bytes)  // of one character, which is well-formed
{
    unsigned code = static_cast<unsigned char>(bytes[0]) & (0xFFu >> (bytes.size() + 1));
    for (const char c : bytes.substr(1))
        code = code << 6 | (static_cast<unsigned char>(c) & 0x3Fu);
    return code;
}

}  // namespace

void write_string(std::string& out, std::string_view text)
{
    static constexpr std::string_view named = "\b\f\n\r\t\"\\", names = "bfnrt\"\\";
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (const std::size_t name = named.find(c); name != named.npos) {
            (out += '\\') += names[name];
            ++at;
        } else if (c >= 0x20 && c < 0x7F) {
            out += c;
            ++at;
        } else {
            const std::size_t length = utf8::length_at(text, at);
            const unsigned code = length == 0   ? 0xFFFD
                                  : length == 1 ? static_cast<unsigned char>(c)
                                                : code_of(text.substr(at, length));
            if (code >= 0x10000)
                write_unit(out, 0xD7C0 + (code >> 10));
            write_unit(out, code >= 0x10000 ? 0xDC00 | (code & 0x3FF) : code);
            at += length ? length : 1;
        }
    }
    out += '"';
}

void write(std::string& out, const json::Value& value)
{
    bool first = true;
    const auto separate = [&] { out += std::exchange(first, false) ? "" : ", "; };
    if (const json::Members* members = value.members()) {
        out += '{';
        for (const auto& [name, member] : *members) {
            separate();
            write_string(out, name);
            out += ": ";
            write(out, member);
        }
        out += '}';
    } else if (const json::Array* array = value.array()) {
        out += '[';
        for (const json::Value& element : *array) {
            separate();
            write(out, element);
        }
        out += ']';
    } else if (const std::string* text = value.string())
        write_string(out, *text);
    else if (value.is_null() || value.boolean() || value.integer() || value.large())
        out += value.text();
    else {
        char number[40];
        std::snprintf(number, sizeof number, "%.17g", *value.number());
        out += number;
    }
}

}  // namespace bellhop::qga
