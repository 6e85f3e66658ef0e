// SPDX-License-Identifier: Apache-2.0
// What comes back from a child, in the operation's own type: its work writes a list of values, `read` takes them off again.
#pragma once
#include "op/in_child.hpp"

#include <string>

namespace bellhop::op {

class Fields {  // one after the other; what is not there, or of another type, is empty
public:
    explicit Fields(const json::Value& list) : list_(list.array()) {}
    bool more() const { return list_ && at_ < list_->size(); }
    const json::Value& value()
    {
        static const json::Value null;
        return more() ? (*list_)[at_++] : null;
    }
    std::string text()
    {
        const std::string* text = value().string();
        return text ? *text : std::string();
    }
    bool flag()
    {
        const bool* flag = value().boolean();
        return flag && *flag;
    }
    template <class Number> Number number()
    {
        const json::Value& one = value();
        if (const std::int64_t* number = one.integer())
            return Number(*number);
        const std::uint64_t* large = one.large();
        return large ? Number(*large) : Number{};
    }

private:
    const json::Array* list_;
    std::size_t at_ = 0;
};

template <class Op> Result<std::unique_ptr<Lease>>
ask_child(Guest& guest, const Context& context, std::chrono::milliseconds limit, std::function<Result<json::Value>()> work,
          std::function<typename Op::Answer(Fields)> read, std::function<void(Result<typename Op::Answer>)> then)
{
    return in_child(guest, context, limit, std::move(work),
                    [read = std::move(read), then = std::move(then)](const Result<json::Value>& found) {
                        if (found)
                            then(read(Fields(*found)));
                        else
                            then(found.error());
                    });
}

}  // namespace bellhop::op
