// SPDX-License-Identifier: Apache-2.0
// Requests are small, so one walk over simdjson's DOM into our own tree costs less than a millisecond's thousandth and buys
// values without lifetimes. The depth is limited to 1024.
#include "base/json.hpp"

#include "base/utf8.hpp"

#include <bellhop/secret.hpp>

#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <limits>

namespace bellhop::json {
namespace {

constexpr std::size_t usual_size = 1024, usual_depth = usual_size / 2 + 2;

class Copier {
public:
    Value copy(simdjson::dom::element element)
    {
        using Type = simdjson::dom::element_type;
        if (++count_ > max_values)
            return {};
        switch (element.type()) {
        case Type::BOOL:
            return bool(element);
        case Type::INT64:
            return std::int64_t(element);
        case Type::UINT64:
            return std::uint64_t(element);
        case Type::DOUBLE:
            return double(element);
        case Type::STRING:
            return std::string_view(element);
        case Type::ARRAY:
            return array_of(element);
        case Type::OBJECT:
            return object_of(element);
        case Type::NULL_VALUE:
            break;
        }
        return {};
    }
    bool too_many() const { return count_ > max_values; }

private:
    Value array_of(simdjson::dom::array from)
    {
        Array array;
        for (simdjson::dom::element item : from) {
            if (too_many())
                break;
            array.push_back(copy(item));
        }
        return array;
    }
    Value object_of(simdjson::dom::object from)
    {
        Members members;
        for (auto [name, value] : from) {
            if (too_many())
                break;
            members.emplace_back(std::string(name), copy(value));
        }
        return members;
    }

    std::size_t count_ = 0;
};

// Every value but the first of a list has a comma before it. Asked beforehand, because a wide text costs the parser more than ten
// times its size.
bool too_wide(std::string_view text)
{
    if (text.size() <= max_values)
        return false;
    std::size_t commas = 0;
    bool within = false;
    for (std::size_t at = 0; at < text.size(); ++at)
        if (text[at] == '\\')
            ++at;
        else if (text[at] == '"')
            within = !within;
        else
            commas += text[at] == ',' && !within;
    return commas >= max_values;
}

void write_string(std::string& out, std::string_view text)
{
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at];
        const std::size_t length = utf8::length_at(text, at);
        if (length == 0)
            out += "\xef\xbf\xbd";
        else if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (static_cast<unsigned char>(c) < 0x20) {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
            out += escape;
        } else
            out.append(text, at, length);
        at += length == 0 ? 1 : length;
    }
    out += '"';
}

void write_double(std::string& out, double number)
{
    char digits[32];
    for (int precision : {15, 17}) {  // the shorter one when it says the same
        std::snprintf(digits, sizeof digits, "%.*g", precision, number);
        if (read_number(digits) == number)
            break;
    }
    out += digits;
    if (std::string_view(digits).find_first_not_of("-0123456789") == std::string_view::npos)
        out += ".0";  // a float stays a float at the other end
}

}  // namespace

Value::Value(std::uint64_t n)
{
    if (n <= std::uint64_t(std::numeric_limits<std::int64_t>::max()))
        v_ = std::int64_t(n);
    else
        v_ = n;
}

std::optional<double> Value::number() const
{
    if (const std::int64_t* n = integer())
        return double(*n);
    if (const std::uint64_t* n = std::get_if<std::uint64_t>(&v_))
        return double(*n);
    if (const double* d = std::get_if<double>(&v_))
        return *d;
    return std::nullopt;
}

const Value* Value::find(std::string_view name) const
{
    if (const Members* all = members())
        for (auto at = all->rbegin(); at != all->rend(); ++at)
            if (at->first == name)
                return &at->second;
    return nullptr;
}

const Value& Value::operator[](std::string_view name) const
{
    static const Value null;
    const Value* value = find(name);
    return value ? *value : null;
}

std::string Value::text() const
{
    std::string out;
    write(out);
    return out;
}

void Value::write(std::string& out) const
{
    if (is_null())
        out += "null";
    else if (const bool* b = boolean())
        out += *b ? "true" : "false";
    else if (const std::int64_t* n = integer())
        out += std::to_string(*n);
    else if (const std::uint64_t* u = std::get_if<std::uint64_t>(&v_))
        out += std::to_string(*u);
    else if (const std::string* s = string())
        write_string(out, *s);
    else if (const Members* all = members()) {
        char before = '{';
        for (const auto& [name, value] : *all) {
            out += std::exchange(before, ',');
            write_string(out, name);
            out += ':';
            value.write(out);
        }
        out += all->empty() ? "{}" : "}";
    } else if (const Array* items = array()) {
        char before = '[';
        for (const Value& item : *items) {
            out += std::exchange(before, ',');
            item.write(out);
        }
        out += items->empty() ? "[]" : "]";
    } else
        write_double(out, *number());
}

double read_number(std::string digits)
{
    const bool negative = digits.starts_with('-');
    if (digits.find_first_of(".eE") == digits.npos)
        digits += ".0";  // whole numbers may have 64 bits, others any length
    const Result<Value> number = parse(std::move(digits));
    if (!number) {
        constexpr double most = std::numeric_limits<double>::infinity();
        return negative ? -most : most;
    }
    return number->number().value_or(0);
}

Result<Value> parse(std::string text)
{
    const Error too_many{Error::Kind::too_big, {}, "JSON of more than " + std::to_string(max_values) + " values"};
    if (too_wide(text))
        return too_many;
    const std::size_t size = text.size();
    text.resize(size + simdjson::SIMDJSON_PADDING);
    // An ordinary request finds a parser that has its memory already; a large one has its own, and for its time only.
    thread_local simdjson::dom::parser usual(usual_size);
    std::optional<simdjson::dom::parser> large;
    simdjson::dom::parser& parser = size <= usual_size ? usual : large.emplace();
    simdjson::dom::element root;
    if (parser.capacity() == 0 && size <= usual_size && parser.allocate(usual_size, usual_depth) != simdjson::SUCCESS)
        return Error{Error::Kind::busy, {}, "no memory to parse JSON"};
    if (simdjson::error_code code = parser.parse(text.data(), size, false).get(root); code != simdjson::SUCCESS)
        return Error{Error::Kind::bad_request, {}, simdjson::error_message(code)};
    Copier copier;
    Value value = copier.copy(root);
    if (size <= usual_size) {  // it may have held a password
        wipe(text);
        std::fill_n(parser.doc.string_buf.get(), size, std::uint8_t());
    }
    if (copier.too_many())
        return too_many;
    return value;
}

}  // namespace bellhop::json
