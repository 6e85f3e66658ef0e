// SPDX-License-Identifier: Apache-2.0
// JSON as a small tree of values: what requests and answers are made of. Parsing is simdjson's, hidden in json.cpp; the tree is
// ours, so that a dialect's source does not pay for simdjson's header and a request outlives its buffer. RFC 8259.
#pragma once
#include <bellhop/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace bellhop::json {

class Value;
using Members = std::vector<std::pair<std::string, Value>>;  // in the order they came
using Array = std::vector<Value>;

class Value {
public:
    Value() = default;  // null
    Value(bool b) : v_(b) {}
    Value(int n) : v_(std::int64_t(n)) {}
    Value(std::int64_t n) : v_(n) {}
    Value(std::uint64_t n);  // stays an integer whatever its size
    Value(double d) : v_(d) {}
    Value(std::string s) : v_(std::move(s)) {}
    Value(std::string_view s) : v_(std::string(s)) {}
    Value(const char* s) : v_(std::string(s)) {}
    Value(Members m) : v_(std::move(m)) {}
    Value(Array a) : v_(std::move(a)) {}

    bool is_null() const { return v_.index() == 0; }
    const bool* boolean() const { return std::get_if<bool>(&v_); }
    const std::int64_t* integer() const { return std::get_if<std::int64_t>(&v_); }  // none: too large for it, too
    std::optional<double> number() const;                                           // an integer is a number too
    const std::string* string() const { return std::get_if<std::string>(&v_); }
    const Array* array() const { return std::get_if<Array>(&v_); }
    const Members* members() const { return std::get_if<Members>(&v_); }
    const std::uint64_t* large() const { return std::get_if<std::uint64_t>(&v_); }  // an integer over 2^63 - 1
    std::string* string() { return std::get_if<std::string>(&v_); }
    Array* array() { return std::get_if<Array>(&v_); }
    Members* members() { return std::get_if<Members>(&v_); }
    const Value* find(std::string_view name) const;        // the last of that name; nullptr: none, or this is no object
    const Value& operator[](std::string_view name) const;  // null when there is none
    std::string text() const;                              // compact; what is not UTF-8 becomes U+FFFD

private:
    void write(std::string& out) const;
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Members, Array> v_;
};

constexpr std::size_t max_values = 256 << 10;  // of one text: a tree costs many times its text

Result<Value> parse(std::string text);  // bad_request or too_big
// Of a number's text as JSON has it, what strtod(3) makes of it, which would bring 12 KiB into the release binaries.
double read_number(std::string digits);

}  // namespace bellhop::json
