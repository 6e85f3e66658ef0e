// SPDX-License-Identifier: Apache-2.0
// freeze: make the disks' file systems whole and hold them so (FIFREEZE of ioctl(2)), all that are asked for or none. thaw: let
// them go on. Config::qga has the hook, where the freeze is marked for an agent that starts meanwhile, and what may be skipped.
//
// Whoever writes to a frozen file system sleeps until the thaw. So no file may be put while they are frozen, nor may they be
// frozen while one is being put; a dialect with file operations of its own keeps to that by freeze_state.
#pragma once
#include <bellhop/context.hpp>

#include <optional>
#include <string>
#include <vector>

namespace bellhop::op {

struct FreezeState {
    static constexpr OperationInfo info{"freeze_state", "say whether file systems are frozen", false};
    enum class State { thawed, freezing, frozen, thawing };
    struct Request {};
    struct Answer {
        State state = State::thawed;
    };
};

struct Freeze {
    static constexpr OperationInfo info{"freeze", "freeze file systems", true};
    struct Request {
        std::optional<std::vector<std::string>> directories;  // where they are mounted; what is no mount is left out. None: all
    };
    struct Answer {
        int count = 0;  // of file systems; 0: nothing is frozen, and there is nothing to thaw
    };
};

struct Thaw {  // also cuts short a freeze that has begun
    static constexpr OperationInfo info{"thaw", "thaw file systems", true};
    struct Request {};
    struct Answer {
        int count = 0;
        std::string hook_failure;  // the file systems are thawed all the same
    };
};

}  // namespace bellhop::op
