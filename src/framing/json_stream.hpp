// SPDX-License-Identifier: Apache-2.0
// JSON values one after the other in a stream of bytes, as QEMU's agents read them: a value ends with its last bracket, not with
// its line; 'single quotes' are strings, too; 0xFE and 0xFF, which no text contains, mean "forget what came so far"; whatever is
// wrong costs one error and reading goes on behind it. Beyond that, a line that begins with {" is a new message: a peer that was
// cut off does not swallow the next one's first request.
#pragma once
#include "base/json.hpp"

#include <bellhop/bytes.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bellhop::json_stream {

struct Limits {
    std::size_t bytes = 64 << 20;  // of one message
    std::size_t values = json::max_values;
    std::size_t depth = 1024;
};

class Reader {
public:
    // `spare`: memory that the next long string is put into, so that its pages need not be faulted in while it grows; it is taken
    // then, and whoever used up the string may put it back. It outlives the reader.
    explicit Reader(Limits limits = {}, std::string* spare = nullptr) : limits_(limits), spare_(spare) {}
    // The next value, or what was wrong with the text (bad_request); nothing: `input` is used up. Takes from the front of input.
    std::optional<Result<json::Value>> next(ByteView& input);
    void reset();
    void skip_message();  // the rest of the unfinished one is not kept
    bool in_message() const { return !open_.empty() || discard_depth_ > 0 || in_word(); }
    std::size_t kept() const { return bytes_ + values_ * sizeof(json::Value); }  // what we remember of an unfinished one, about

private:
    enum class State : std::uint8_t { between, string, number, keyword, recovery };
    enum class Expect : std::uint8_t { value, value_or_end, key, key_or_end, colon, comma_or_end };
    struct Open {
        json::Value container;  // Members or Array
        std::string key;
        Expect expect;
    };
    using Found = std::optional<Result<json::Value>>;

    // Words: json_lexer.cpp.
    bool in_word() const { return state_ == State::string || state_ == State::number || state_ == State::keyword; }
    Found on_byte(unsigned char c);
    std::size_t take_plain(ByteView input);
    Found end_word();
    Found end_number();
    Found end_keyword();
    Found end_string();
    Found stray(unsigned char c);
    // Values: json_stream.cpp.
    Found on_structural(char c);
    Found on_open(char c);
    Found on_close(char c);
    Found on_value(json::Value);
    Found counted(json::Value);
    Found wrong(std::string text);           // of the grammar: the rest of this message is skipped, bracket by bracket
    Found give_up(const std::string& text);  // of the lexer: all is forgotten, up to something with a structure

    Limits limits_;
    std::string* spare_;
    State state_ = State::between;
    std::string word_;  // the string, number or keyword at hand
    char quote_ = '"';
    bool escaped_ = false, needs_decoding_ = false;
    bool line_start_ = false, maybe_new_ = false;  // a { began a line inside a message: is it a new one?
    std::vector<Open> open_;
    std::size_t discard_depth_ = 0;  // brackets to be closed until we listen again
    std::size_t bytes_ = 0, values_ = 0;
};

}  // namespace bellhop::json_stream
