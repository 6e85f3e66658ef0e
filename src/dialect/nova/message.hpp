// SPDX-License-Identifier: Apache-2.0
// A request and its answer, as they stand in the store: {"name": NAME, "value": ANY}, {"message": TEXT, "returncode": CODE}.
#pragma once
#include "base/json.hpp"

#include <string>
#include <string_view>

namespace bellhop::nova {

// C xenstored gives a guest 2048 bytes for a node: a header, one permission and the value.
constexpr std::size_t longest_answer = 2015;
constexpr std::size_t longest_plain_message = longest_answer - 40;  // of printable ASCII, that no answer cuts
constexpr std::size_t longest_request = 4096;                       // no message of XenStore is longer

struct Request {
    std::string name;
    json::Value value;  // "" when there is none
    bool has_value = true;
};

// An Error's text is the answer's message. An integer of any size is kept: as a string when it is over 64 bits (a public key).
Result<Request> parse_request(std::string text);

inline std::string unknown_text(const std::string& name)
{
    return "No such agent command '" + name + "'";
}

// Both are strings, always: nova compares with '0', and the plugin in dom0 takes an integer 0 for a failure. A message that does
// not fit is cut behind a whole character.
std::string answer_text(std::string_view message, std::string_view code);

}  // namespace bellhop::nova
