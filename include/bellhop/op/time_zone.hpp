// SPDX-License-Identifier: Apache-2.0
// time_zone: by which the guest tells local time now, tzset(3).
#pragma once
#include <bellhop/context.hpp>

#include <chrono>
#include <string>

namespace bellhop::op {

struct TimeZone {
    static constexpr OperationInfo info{"time_zone", "say how the guest tells local time", false};
    struct Request {};
    struct Answer {
        std::string abbreviation;     // "CEST"
        std::chrono::seconds east{};  // of UTC
    };
};

}  // namespace bellhop::op
