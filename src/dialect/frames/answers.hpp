// SPDX-License-Identifier: Apache-2.0
// The words of frames' answers, apart from the conversation that leads to them.
#pragma once
#include "base/json.hpp"

#include <bellhop/op/info.hpp>
#include <bellhop/op/own_command.hpp>
#include <bellhop/operation.hpp>

namespace bellhop::frames {

constexpr double longest_limit = 365 * 86400.0;  // seconds

json::Value error_answer(std::string text);
json::Value exit_answer(const ExitStatus&);
json::Value timeout_answer(double seconds);
json::Value call_answer(op::OwnCommand::Answer);
json::Value info_answer(const op::Info::Answer&);

std::string frame_of(const json::Value&);  // as one JSON frame
std::string host_text(const Error&);       // "[Errno 2] No such file or directory", as in Python; without errno, the sentence
std::string quoted(std::string text);      // what a host said, in an answer: its first 4 KiB are enough
std::string text_of_value(const json::Value&);  // strings as they are, the rest as JSON

}  // namespace bellhop::frames
