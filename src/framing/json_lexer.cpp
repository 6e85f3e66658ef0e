// SPDX-License-Identifier: Apache-2.0
// From bytes to words: strings, numbers, keywords and what stands between them.
#include "base/utf8.hpp"
#include "framing/json_stream.hpp"

#include <bellhop/secret.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace bellhop::json_stream {
namespace {

constexpr std::size_t long_word = 32 << 10;  // worth the spare memory
constexpr std::size_t most_quoted = 256;     // bytes of what was wrong, in the error about it

bool is_reset(unsigned char c)
{
    return c >= 0xFE;
}
bool is_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_structural(unsigned char c)
{
    return c != 0 && std::strchr("[]{}:,", c);
}
bool in_number(unsigned char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}
bool in_keyword(unsigned char c)
{
    return c >= 'a' && c <= 'z';
}

// -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?
bool is_number(std::string_view text)
{
    const auto digits = [&text] {
        const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
        text.remove_prefix(count);
        return count > 0;
    };
    if (text.starts_with('-'))
        text.remove_prefix(1);
    if (text.starts_with('0'))
        text.remove_prefix(1);
    else if (!digits())
        return false;
    if (text.starts_with('.') && (text.remove_prefix(1), !digits()))
        return false;
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        if (text.starts_with('-') || text.starts_with('+'))
            text.remove_prefix(1);
        if (!digits())
            return false;
    }
    return text.empty();
}

std::optional<unsigned> hex4(std::string_view text)
{
    unsigned code = 0;
    if (text.size() < 4 || std::from_chars(text.data(), text.data() + 4, code, 16).ptr != text.data() + 4)
        return std::nullopt;
    return code;
}

std::size_t put_utf8(char* out, unsigned code)
{
    if (code < 0x80)
        return out[0] = char(code), 1;
    std::size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (std::size_t at = size; --at > 0; code >>= 6)
        out[at] = char(0x80 | (code & 0x3F));
    out[0] = char((0xF0 << (4 - size)) | code);
    return size;
}

// In place: what an escape stands for is never longer than the escape. nullptr: it was well.
const char* decode(std::string& text)
{
    for (std::size_t at = 0, length = 1; at < text.size(); at += length)
        if ((length = utf8::length_at(text, at)) == 0)
            return "invalid UTF-8 sequence in string";
    static constexpr const char* bad = "invalid escape sequence in string";
    char* out = text.data();
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t plain = std::min(rest.find('\\'), rest.size());
        std::memmove(out, rest.data(), plain);
        out += plain;
        rest.remove_prefix(plain);
        if (rest.empty())
            break;
        static constexpr std::string_view names = "bfnrt\"'\\/", stand_for = "\b\f\n\r\t\"'\\/";
        const char name = rest[1];  // the lexer saw to it that there is one
        rest.remove_prefix(2);
        if (const std::size_t at = names.find(name); at != names.npos) {
            *out++ = stand_for[at];
            continue;
        }
        const std::optional<unsigned> first = name == 'u' ? hex4(rest) : std::nullopt;
        if (!first)
            return bad;
        unsigned code = *first;
        rest.remove_prefix(4);
        if (code >= 0xD800 && code < 0xE000) {
            const std::optional<unsigned> second = rest.starts_with("\\u") ? hex4(rest.substr(2)) : std::nullopt;
            if (code >= 0xDC00 || !second || *second < 0xDC00 || *second >= 0xE000)
                return bad;
            code = 0x10000 + ((code - 0xD800) << 10) + (*second - 0xDC00);
            rest.remove_prefix(6);
        }
        out += put_utf8(out, code);
    }
    text.resize(std::size_t(out - text.data()));
    return nullptr;
}

// A short one is copied, and it may be a password.
std::string taken(std::string& word)
{
    std::string text = std::move(word);
    wipe(word);
    return text;
}

// How many bytes of a string need no second look. Eight at a time: a file's bytes come as one long string.
std::size_t plain_bytes(const char* text, std::size_t size, char quote)
{
    constexpr std::uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    const auto has_zero = [](std::uint64_t x) { return (x - ones) & ~x & highs; };
    std::size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        std::uint64_t eight;
        std::memcpy(&eight, text + at, 8);
        const std::uint64_t quotes = eight ^ (ones * std::uint64_t(quote)), slashes = eight ^ (ones * std::uint64_t('\\'));
        const std::uint64_t control = (eight - ones * 0x20) & ~eight & highs;
        if ((eight & highs) | control | has_zero(quotes) | has_zero(slashes))
            break;
    }
    while (at < size && static_cast<unsigned char>(text[at]) >= 0x20 && static_cast<unsigned char>(text[at]) < 0x80 &&
           text[at] != quote && text[at] != '\\')
        ++at;
    return at;
}

}  // namespace

Reader::Found Reader::next(ByteView& input)
{
    while (!input.empty()) {
        if (state_ == State::string && !escaped_)
            input = input.subspan(take_plain(input));
        if (input.empty())
            break;
        const auto c = static_cast<unsigned char>(input.front());
        if (std::exchange(maybe_new_, false)) {  // c is looked at again
            if (c == '"' || c == '\'') {
                reset();
                (void)on_open('{');
                return Error{Error::Kind::bad_request, {}, "JSON parse error, the message before this one has no end"};
            }
            if (Found found = on_structural('{'))
                return found;
        }
        if (++bytes_ > limits_.bytes)
            return give_up("JSON token size limit exceeded");
        if ((state_ == State::number && !in_number(c)) || (state_ == State::keyword && !in_keyword(c))) {
            --bytes_;
            if (Found found = end_word())  // c is looked at again
                return found;
            continue;
        }
        input = input.subspan(1);
        if (Found found = on_byte(c))
            return found;
    }
    return std::nullopt;
}

std::size_t Reader::take_plain(ByteView input)
{
    const std::string_view text = text_of(input).substr(0, limits_.bytes - std::min(bytes_, limits_.bytes));
    const std::size_t count = plain_bytes(text.data(), text.size(), quote_);
    if (spare_ && word_.size() + count > long_word && spare_->capacity() > word_.capacity()) {
        spare_->assign(word_);
        word_.swap(*spare_);
        std::string().swap(*spare_);
    }
    word_.append(text.data(), count);
    bytes_ += count;
    return count;
}

Reader::Found Reader::on_byte(unsigned char c)
{
    if (is_reset(c)) {
        reset();
        return std::nullopt;
    }
    switch (state_) {
    case State::string:
        if (!escaped_ && c == static_cast<unsigned char>(quote_))
            return end_string();
        if (c < 0x20)
            return stray(c);
        needs_decoding_ = needs_decoding_ || c == '\\' || c >= 0x80;
        escaped_ = !escaped_ && c == '\\';
        word_ += char(c);
        return std::nullopt;
    case State::recovery:
        if (!is_structural(c) && (c >= 0x20 || c == '\t'))
            return std::nullopt;
        state_ = State::between;
        break;
    case State::number:
    case State::keyword:
        word_ += char(c);
        return std::nullopt;
    case State::between:
        break;
    }

    const bool began_line = std::exchange(line_start_, c == '\n' && in_message());
    if (is_blank(c)) {
        if (!in_message())
            bytes_ = 0;
        return std::nullopt;
    }
    maybe_new_ = began_line && c == '{';
    if (maybe_new_)
        return std::nullopt;
    if (is_structural(c))
        return on_structural(char(c));
    word_.clear();
    if (c == '"' || c == '\'') {
        state_ = State::string;
        quote_ = char(c);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        state_ = State::number;
        word_ += char(c);
    } else if (in_keyword(c)) {
        state_ = State::keyword;
        word_ += char(c);
    } else
        return stray(c);
    return std::nullopt;
}

// ---- words

Reader::Found Reader::end_word()
{
    return std::exchange(state_, State::between) == State::number ? end_number() : end_keyword();
}

Reader::Found Reader::end_number()
{
    if (!is_number(word_)) {
        return give_up("JSON parse error, stray '" + word_.substr(0, most_quoted) + "'");
    }
    const char *begin = word_.data(), *end = begin + word_.size();
    std::int64_t integer = 0;
    if (const auto read = std::from_chars(begin, end, integer); read.ptr == end && read.ec == std::errc())
        return on_value(integer);
    std::uint64_t large = 0;
    if (const auto read = std::from_chars(begin, end, large); read.ptr == end && read.ec == std::errc())
        return on_value(large);
    return on_value(json::read_number(word_));
}

Reader::Found Reader::end_keyword()
{
    if (word_ == "true" || word_ == "false")
        return on_value(word_ == "true");
    if (word_ == "null")
        return on_value(json::Value());
    return wrong("invalid keyword '" + word_.substr(0, most_quoted) + "'");
}

Reader::Found Reader::end_string()
{
    state_ = State::between;
    if (std::exchange(needs_decoding_, false))
        if (const char* why = decode(word_))
            return wrong(why);
    const bool is_key = !open_.empty() && discard_depth_ == 0 &&
                        (open_.back().expect == Expect::key || open_.back().expect == Expect::key_or_end);
    if (!is_key)
        return on_value(taken(word_));
    Open& object = open_.back();
    for (const auto& [name, value] : *object.container.members())
        if (name == word_)
            return wrong("duplicate key");
    object.key = taken(word_);
    object.expect = Expect::colon;
    return std::nullopt;
}

Reader::Found Reader::stray(unsigned char c)
{
    std::string text = state_ == State::string ? quote_ + word_ : std::string();
    if (c != 0)
        text += c < 0x80 ? std::string(1, char(c)) : std::string("\xEF\xBF\xBD");
    return give_up("JSON parse error, stray '" + text.substr(0, most_quoted) + "'");
}

}  // namespace bellhop::json_stream
