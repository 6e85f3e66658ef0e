// SPDX-License-Identifier: Apache-2.0
// qemu-ga's options and its configuration file, and what they mean to us. docs/dialects/qga.md has them in words.
//
// The file is read first: $QGA_CONF, or /etc/qemu/qemu-ga.conf, neither of which has to be there, or what -c names, which has to.
// Options win over it; the lists of commands come together.
#pragma once
#include "agent/settings.hpp"

#include <optional>

namespace bellhop::qemu_ga {

struct Options {
    enum class Wants { serve, dump, names, help, version, usage } wants = Wants::serve;  // usage: that was no option of ours

    bool daemon = false, verbose = false, retry = false, strict = false, skip_unopenable = false;
    std::optional<std::string> method, path, log_file, pid_file, hook, state_directory, freeze_lease;
    // As they are shown: the words between the commas, those of each list the other way round.
    std::vector<std::string> blocked, allowed;
};

Result<Options> read_options(int argc, char** argv);  // may be called again, for a reload
std::string dump(const Options&);                     // as a configuration file

Status check_path(const Options&);  // that there is one
// inherited: a socket that a service manager has handed to us takes the place of method and path.
enum class Channel { configured, inherited };
Result<Settings> settings_of(const Options&, Channel);
std::vector<std::string> unknown_commands(const Options&);  // which the lists name

}  // namespace bellhop::qemu_ga
