// SPDX-License-Identifier: Apache-2.0
// power: end the system. suspend: have it sleep. Both are asked of the guest's own programs; the answer to power means that the
// end has begun, that to suspend comes when the guest is awake again.
#pragma once
#include <bellhop/context.hpp>

namespace bellhop::op {

struct Power {
    static constexpr OperationInfo info{"power", "power down, halt or reboot", true};
    enum class Mode { powerdown, halt, reboot };
    struct Request {
        Mode mode = Mode::powerdown;
    };
    struct Answer {};
};

struct Suspend {
    static constexpr OperationInfo info{"suspend", "suspend to disk, to memory or to both", true};
    enum class Mode { disk, ram, hybrid };
    struct Request {
        Mode mode = Mode::ram;
    };
    struct Answer {};  // unsupported: the guest does not know this mode
};

}  // namespace bellhop::op
