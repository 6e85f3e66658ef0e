// SPDX-License-Identifier: Apache-2.0
#include "agent/setting_values.hpp"

#include "base/concat.hpp"

#include <algorithm>
#include <charconv>

namespace bellhop::values {

Error wrong(std::string text)
{
    return {Error::Kind::bad_request, {}, std::move(text)};
}

Status set_count(std::size_t& to, std::string_view text, std::size_t least, std::size_t most)
{
    std::size_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || value < least || value > most)
        return wrong(
            concat({"takes a whole number from ", std::to_string(least), " to ", std::to_string(most), ", not '", text, "'"}));
    to = value;
    return done();
}

// In whole numbers: strtod(3) would take "nan", "0x1p3" and the locale's point, too.
Status set_time(std::chrono::milliseconds& to, std::string_view text)
{
    constexpr std::uint64_t year = 365 * 86'400'000ULL;
    std::uint64_t value = 0;
    int missing = 3;  // digits, until the value is in milliseconds
    bool point = false, digits = false, right = true, more = false;
    for (char c : text) {
        const bool digit = c >= '0' && c <= '9';
        right = right && (digit || (c == '.' && !point)) && value <= year;
        if (!digit)
            point = true;
        else if (missing == 0)
            more = more || c != '0';
        else if (right) {
            value = value * 10 + std::uint64_t(c - '0');
            missing -= point ? 1 : 0;
        }
        digits = digits || digit;
    }
    for (; missing > 0; --missing)
        value *= 10;
    if (!right || !digits || (value += more) > year)
        return wrong(concat({"takes seconds, not '", text, "'"}));
    to = std::chrono::milliseconds(value);
    return done();
}

std::string time_text(std::chrono::milliseconds time)
{
    std::string text = std::to_string(time.count() / 1000);
    if (const auto rest = time.count() % 1000; rest > 0) {
        std::string digits = std::to_string(1000 + rest).substr(1);
        text += "." + digits.substr(0, digits.find_last_not_of('0') + 1);
    }
    return text;
}

Result<std::size_t> index_of(std::span<const std::string_view> names, std::string_view name)
{
    const auto at = std::find(names.begin(), names.end(), name);
    if (at != names.end())
        return std::size_t(at - names.begin());
    std::string known;
    for (std::string_view one : names)
        (known += known.empty() ? "" : ", ") += one;
    return wrong(concat({"takes one of ", known, ", not '", name, "'"}));
}

std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j)
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])}));
    }
    return row.back();
}

std::string escaped(std::string_view text)
{
    std::string all;
    for (char c : text)
        (c == ';' || c == '\\' ? all += '\\' : all) += c;
    return all;
}

std::vector<std::string> words_of(std::string_view text)
{
    std::vector<std::string> words;
    for (std::size_t at = 0; (at = text.find_first_not_of("; ,\t", at)) != text.npos;) {
        const std::size_t end = std::min(text.find_first_of("; ,\t", at), text.size());
        words.emplace_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

Result<std::vector<std::uint32_t>> numbers_of(std::string_view text)
{
    std::vector<std::uint32_t> numbers;
    for (const std::string& word : words_of(text)) {
        std::size_t number = 0;
        if (Status status = set_count(number, word, 0, 0xffffffff); !status)
            return std::move(status.error());
        numbers.push_back(std::uint32_t(number));
    }
    return numbers;
}

std::string joined(const std::vector<std::string>& words)
{
    std::string text;
    for (const std::string& word : words)
        (text += word) += ';';
    return text;
}
std::string joined(const std::vector<std::uint32_t>& numbers)
{
    std::string text;
    for (std::uint32_t number : numbers)
        (text += std::to_string(number)) += ';';
    return text;
}

}  // namespace bellhop::values
