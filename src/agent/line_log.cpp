// SPDX-License-Identifier: Apache-2.0
// poll(2) first: standard error may be a pipe or a terminal that somebody has stopped, and its flags are shared with others.
// Control characters become '?': a line stays a line, whatever a peer has named its things.
#include "agent/line_log.hpp"

#include <algorithm>
#include <poll.h>
#include <string>
#include <unistd.h>

namespace bellhop {
namespace {

constexpr std::string_view names[] = {"error", "warning", "info", "debug"};
constexpr std::size_t longest = 1000;  // under PIPE_BUF: a pipe takes it whole

}  // namespace

void LineLog::write(Level level, std::string_view line)
{
    if (!wants(level))
        return;
    try {
        std::string whole = "bellhop-agent: " + std::string(names[std::size_t(level)]) + ": ";
        whole += line.substr(0, longest);
        std::replace_if(
            whole.begin(), whole.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
        whole += '\n';
        pollfd question{STDERR_FILENO, POLLOUT, 0};
        if (::poll(&question, 1, 0) == 1 && (question.revents & POLLOUT)) {
            [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, whole.data(), whole.size());
        }
    } catch (...) {  // no memory for a line: it is lost
    }
}

Result<Log::Level> parse_level(std::string_view name)
{
    const auto at = std::find(std::begin(names), std::end(names), name);
    if (at == std::end(names))
        return Error{Error::Kind::bad_request, {}, "no log level '" + std::string(name) + "' (error, warning, info, debug)"};
    return Log::Level(at - std::begin(names));
}

}  // namespace bellhop
