// SPDX-License-Identifier: Apache-2.0
// The guest's own small files, those of /proc and /sys first of all: read whole, because they do not know their size.
#pragma once
#include <bellhop/result.hpp>

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bellhop::os {

constexpr std::size_t usual_text = 1 << 20;

// At most `most` bytes; what is longer is cut there. An Error names the path.
Result<std::string> text_of_file(const std::string& path, std::size_t most = usual_text);
std::string first_line(const std::string& path);  // without its newline; "": there is none, or no such file

// What stands there already is overwritten, not replaced: for the files of /sys, where a write is an order.
Status order(const std::string& path, std::string_view text);

// The names in a directory but those that begin with a dot, "cpu2" before "cpu10". None: it cannot be read.
std::vector<std::string> names_in(const std::string& directory);
std::string name_behind(const std::string& link);  // the last component of what a symbolic link says; "": it is none

// The next one of a text's lines, without its newline, or of a line's words between blanks. They take it off the front; an empty
// word: there are no more.
std::string_view next_line(std::string_view& text);
std::string_view next_word(std::string_view& line);

std::string_view value_in(std::string_view text, std::string_view key);  // of lines KEY=value; "" if there is none

template <class Number> std::optional<Number> number_of(std::string_view digits, int base = 10)  // all of it
{
    Number number{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    if (error != std::errc() || end != digits.data() + digits.size())
        return std::nullopt;
    return number;
}

}  // namespace bellhop::os
