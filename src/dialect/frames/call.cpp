// SPDX-License-Identifier: Apache-2.0
// The op "call": a command of the guest's operator. docs/own-commands.md
#include "dialect/frames/answers.hpp"
#include "dialect/frames/session.hpp"

#include <cmath>

namespace bellhop::frames {

void Session::call(const json::Value& request)
{
    const std::string* name = request["name"].string();
    if (!name || name->empty())
        return refuse("missing 'name'");
    op::OwnCommand::Request call{*name, request["args"].text()};
    if (const json::Value& limit = request["timeout"]; !limit.is_null()) {
        const double seconds = std::min(limit.number().value_or(-1), longest_limit);
        if (!(seconds > 0))
            return refuse("bad 'timeout'");
        call.time_limit = std::chrono::milliseconds(std::int64_t(std::ceil(seconds * 1000)));
    }
    auto begun = context_.operations.ask<op::OwnCommand>(context_, std::move(call), std::bind_front(&Session::on_called, this));
    if (!begun)
        return refuse(host_text(begun.error()));
    call_ = std::move(*begun);
}

void Session::on_called(Result<op::OwnCommand::Answer> answered)
{
    call_.reset();
    if (!answered)
        return refuse(host_text(answered.error()));
    answer(call_answer(std::move(*answered)));
}

}  // namespace bellhop::frames
