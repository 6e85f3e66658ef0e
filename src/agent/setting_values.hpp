// SPDX-License-Identifier: Apache-2.0
// How the values of settings are written: read strictly, and shown so that they are read as the same. An Error's text goes behind
// the setting's name: "takes seconds, not 'soon'".
#pragma once
#include <bellhop/result.hpp>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bellhop::values {

Error wrong(std::string text);

Status set_count(std::size_t& to, std::string_view text, std::size_t least, std::size_t most);
Status set_time(std::chrono::milliseconds& to, std::string_view text);  // seconds, a year at most; rounded up to milliseconds
std::string time_text(std::chrono::milliseconds);
Result<std::size_t> index_of(std::span<const std::string_view> names, std::string_view name);

std::size_t distance(std::string_view a, std::string_view b);  // Levenshtein
std::string escaped(std::string_view text);                    // what key_file::plain() and list() read as this text
std::vector<std::string> words_of(std::string_view text);      // by ';', ',' or blanks
Result<std::vector<std::uint32_t>> numbers_of(std::string_view text);
std::string joined(const std::vector<std::string>& words);
std::string joined(const std::vector<std::uint32_t>& numbers);

}  // namespace bellhop::values
