// SPDX-License-Identifier: Apache-2.0
// From words to values. The grammar and its errors' words are those of QEMU's parser, whose clients show them to people.
#include "framing/json_stream.hpp"

namespace bellhop::json_stream {
namespace {

constexpr std::size_t most_members = 256;  // of one object: a duplicate is looked for one by one

Error error_of(const std::string& text)
{
    return {Error::Kind::bad_request, {}, text};
}

}  // namespace

void Reader::reset()
{
    state_ = State::between;
    word_ = {};
    escaped_ = needs_decoding_ = line_start_ = maybe_new_ = false;
    open_.clear();
    discard_depth_ = bytes_ = values_ = 0;
}

Reader::Found Reader::on_structural(char c)
{
    if (c == '{' || c == '[')
        return on_open(c);
    if (c == '}' || c == ']')
        return on_close(c);
    if (discard_depth_ > 0)
        return std::nullopt;
    if (open_.empty())
        return wrong("expecting value");
    Open& top = open_.back();
    if (c == ':' && top.expect == Expect::colon)
        top.expect = Expect::value;
    else if (c == ',' && top.expect == Expect::comma_or_end)
        top.expect = top.container.members() ? Expect::key : Expect::value;
    else
        return wrong(top.expect == Expect::comma_or_end
                         ? (top.container.members() ? "expected ',' or '}'" : "expected ',' or ']'")
                     : top.expect == Expect::colon                                       ? "expected ':'"
                     : top.expect == Expect::value || top.expect == Expect::value_or_end ? "expecting value"
                                                                                         : "expecting key");
    return std::nullopt;
}

Reader::Found Reader::on_open(char c)
{
    if (open_.size() + discard_depth_ >= limits_.depth)
        return give_up("JSON nesting depth limit exceeded");
    if (discard_depth_ > 0) {
        ++discard_depth_;
        return std::nullopt;
    }
    if (!open_.empty() && open_.back().expect != Expect::value && open_.back().expect != Expect::value_or_end) {
        Found found = wrong(open_.back().expect == Expect::colon ? "expected ':'" : "expecting key");
        ++discard_depth_;
        return found;
    }
    if (++values_ > limits_.values)
        return give_up("JSON token count limit exceeded");
    if (c == '{')
        open_.push_back({json::Members(), {}, Expect::key_or_end});
    else
        open_.push_back({json::Array(), {}, Expect::value_or_end});
    return std::nullopt;
}

Reader::Found Reader::on_close(char c)
{
    if (discard_depth_ > 0) {
        if (--discard_depth_ == 0)
            reset();
        return std::nullopt;
    }
    if (open_.empty())
        return wrong("expecting value");
    Open& top = open_.back();
    const bool object = top.container.members();
    const bool may_end = top.expect == Expect::comma_or_end || top.expect == (object ? Expect::key_or_end : Expect::value_or_end);
    if (object != (c == '}') || !may_end) {
        Found found = wrong(top.expect == Expect::comma_or_end ? (object ? "expected ',' or '}'" : "expected ',' or ']'")
                            : top.expect == Expect::key || top.expect == Expect::key_or_end ? "expecting key"
                            : top.expect == Expect::colon                                   ? "expected ':'"
                                                                                            : "expecting value");
        if (--discard_depth_ == 0)  // this bracket closed one
            reset();
        return found;
    }
    json::Value whole = std::move(top.container);
    open_.pop_back();
    --values_;
    return on_value(std::move(whole));
}

Reader::Found Reader::on_value(json::Value value)
{
    if (discard_depth_ > 0)
        return std::nullopt;
    if (++values_ > limits_.values)
        return give_up("JSON token count limit exceeded");
    if (open_.empty()) {
        reset();
        return Result<json::Value>(std::move(value));
    }
    Open& top = open_.back();
    if (top.expect != Expect::value && top.expect != Expect::value_or_end)
        return wrong(top.expect == Expect::comma_or_end
                         ? (top.container.members() ? "expected ',' or '}'" : "expected ',' or ']'")
                     : top.expect == Expect::colon ? "expected ':'"
                                                   : "expecting key");
    top.expect = Expect::comma_or_end;
    return counted(std::move(value));
}

Reader::Found Reader::counted(json::Value value)
{
    json::Value& container = open_.back().container;
    if (json::Array* array = container.array()) {
        array->push_back(std::move(value));
        return std::nullopt;
    }
    json::Members& members = *container.members();
    if (members.size() == most_members)
        return give_up("JSON token count limit exceeded");
    members.emplace_back(std::move(open_.back().key), std::move(value));
    return std::nullopt;
}

// ---- errors

void Reader::skip_message()
{
    const std::size_t depth = open_.size() + discard_depth_;
    const State next = in_word() ? State::recovery : State::between;
    reset();
    discard_depth_ = depth;
    state_ = next;
}

Reader::Found Reader::wrong(std::string text)
{
    skip_message();
    state_ = State::between;
    return error_of("JSON parse error, " + text);
}

Reader::Found Reader::give_up(const std::string& text)
{
    reset();
    state_ = State::recovery;
    return error_of(text);
}

}  // namespace bellhop::json_stream
