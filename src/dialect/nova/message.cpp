// SPDX-License-Identifier: Apache-2.0
#include "dialect/nova/message.hpp"

#include "base/utf8.hpp"

#include <algorithm>

namespace bellhop::nova {
namespace {

constexpr std::size_t most_digits = 18;  // that are certainly less than 2^63

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Quotes what simdjson would refuse, a whole number of more than 64 bits: a host may send its public key as a number.
std::string with_long_numbers_quoted(std::string_view text)
{
    std::string all;
    bool within = false;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at + 1;
        if (within && text[at] == '\\')
            end = std::min(at + 2, text.size());
        else if (text[at] == '"')
            within = !within;
        else if (!within && is_digit(text[at]))
            end = std::size_t(std::find_if_not(text.begin() + std::ptrdiff_t(at), text.end(), &is_digit) - text.begin());
        const bool alone = (at == 0 || std::string_view("+-.eE").find(text[at - 1]) == std::string_view::npos) &&
                           (end == text.size() || std::string_view(".eE").find(text[end]) == std::string_view::npos);
        const bool quoted = end - at > most_digits && alone;
        (all += quoted ? "\"" : "").append(text, at, end - at) += quoted ? "\"" : "";
        at = end;
    }
    return all;
}

std::size_t length_of_piece(std::string_view escaped, std::size_t at)
{
    if (escaped[at] == '\\')
        return escaped[at + 1] == 'u' ? 6 : 2;
    return std::max<std::size_t>(utf8::length_at(escaped, at), 1);
}

// `escaped` is a JSON string with its quotes; at most `most` bytes of what stands between them.
std::string_view cut(std::string_view escaped, std::size_t most)
{
    escaped = escaped.substr(1, escaped.size() - 2);
    if (escaped.size() <= most)
        return escaped;
    std::size_t end = 0;
    for (std::size_t next = 0; next <= most; next += length_of_piece(escaped, next))
        end = next;
    return escaped.substr(0, end);
}

}  // namespace

Result<Request> parse_request(std::string text)
{
    const Error malformed{Error::Kind::bad_request, {}, "Request is malformed"};
    if (text.size() > longest_request)
        return malformed;
    Result<json::Value> json = json::parse(with_long_numbers_quoted(text));
    if (!json || !json->members())
        return malformed;
    const json::Value* name = json->find("name");
    if (!name)
        return Error{Error::Kind::bad_request, {}, "Request is missing 'name' key"};
    const json::Value* value = json->find("value");
    return Request{name->string() ? *name->string() : name->text(), value ? *value : json::Value(""), value != nullptr};
}

std::string answer_text(std::string_view message, std::string_view code)
{
    constexpr std::string_view begin = "{\"message\": \"", middle = "\", \"returncode\": ", end = "}";
    const std::string escaped = json::Value(message).text(), code_text = json::Value(code).text();
    const std::size_t most = longest_answer - begin.size() - middle.size() - code_text.size() - end.size();
    std::string text(begin);
    (((text += cut(escaped, most)) += middle) += code_text) += end;
    return text;
}

}  // namespace bellhop::nova
