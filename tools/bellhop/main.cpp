// SPDX-License-Identifier: Apache-2.0
// bellhop, the host tool: one command to one agent, then the exit code.
#include "commands.hpp"
#include "failure.hpp"
#include "interrupts.hpp"
#include "output.hpp"

#include <csignal>
#include <exception>

using namespace bellhop;
using namespace bellhop::tool;

namespace {

int report(const Failure& failure, bool json, bool running)
{
    if (json)
        say(json::Value(json::Members{{"ok", false}, {"error", failure.what()}, {"hint", failure.hint}}).text());
    else
        complain(failure.what(), failure.hint);
    return int(running ? Exit::own_trouble : failure.exit);
}

}  // namespace

int main(int count, char** words)
{
    hold_standard_descriptors();
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ,
                SIG_IGN);  // a file too large is an error to report, with the temporary file removed
    const bool json = asks_for_json(count, words);
    bool running = false;
    try {
        try {
            const auto options = read_command_line(count, words);
            running = options && options->command == "run";
            return options ? perform(*options) : 0;
        } catch (const Failure& failure) {
            return report(failure, json, running);
        }
    } catch (const Interrupted& signal) {
        return 128 + signal.number;
    } catch (const std::exception& bug) {  // stdout cannot be written, no memory
        complain(bug.what(), {});
        return int(running ? Exit::own_trouble : Exit::failed);
    }
}
