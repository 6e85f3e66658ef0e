// SPDX-License-Identifier: Apache-2.0
// get_clock: the guest's time. set_clock: set it, and the hardware clock by it; or it by the hardware clock.
#pragma once
#include <bellhop/context.hpp>

#include <chrono>
#include <optional>

namespace bellhop::op {

struct GetClock {
    static constexpr OperationInfo info{"get_clock", "tell the time", false};
    struct Request {};
    struct Answer {
        std::chrono::nanoseconds since_1970{};  // UTC
    };
};

struct SetClock {
    static constexpr OperationInfo info{"set_clock", "set the time", true};
    struct Request {
        std::optional<std::chrono::nanoseconds> since_1970;  // UTC, before 2070. None: what the hardware clock says
    };
    struct Answer {};
};

}  // namespace bellhop::op
