// SPDX-License-Identifier: Apache-2.0
// clock_settime(2), hwclock(8).
#include "op/child_answer.hpp"
#include "op/helper_words.hpp"
#include "op/jobs.hpp"
#include "os/errors.hpp"
#include "os/programs.hpp"

#include <ctime>

namespace bellhop::op {
namespace {

constexpr std::chrono::seconds clock_limit{60};
constexpr std::chrono::seconds end_of_2069{3'155'760'000};  // since 1970

Error invalid_time()
{
    return {Error::Kind::bad_request, {}, "Invalid time: years from 1970 to 2069 can be set"};
}

Status set_system_clock(std::chrono::nanoseconds since_1970)
{
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_1970);
    const timespec time{time_t(seconds.count()), long((since_1970 - seconds).count())};
    if (time.tv_sec != seconds.count())  // of 32 bits
        return invalid_time();
    if (::clock_settime(CLOCK_REALTIME, &time) < 0)
        return os::failure("Failed to set time to guest");
    return done();
}

Result<json::Value> set_clock(const std::string& root, const SetClock::Request& request)
{
    if (request.since_1970)
        if (Status set = set_system_clock(*request.since_1970); !set)
            return std::move(set.error());
    const std::string hwclock = os::find_program(root, "hwclock");
    if (hwclock.empty() && !request.since_1970)
        return Error{Error::Kind::unsupported, {}, "this guest has no hwclock to ask its hardware clock with"};
    if (hwclock.empty())
        return json::Value();  // the time is set; a guest without that program takes it from elsewhere at its next start
    const Result<os::HelperEnd> end = os::run_helper({hwclock, request.since_1970 ? "-w" : "-s"});
    if (!end)
        return end.error();
    if (end->code != 0)
        return Error{Error::Kind::failed,
                     {},
                     std::string("child process has failed to set ") +
                         (request.since_1970 ? "hardware clock to system time" : "system time to hardware clock") + said(*end)};
    return json::Value();
}

}  // namespace

Status get_clock(Guest&, const Context&, const GetClock::Request&, GetClock::Answer& answer)
{
    answer.since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return done();
}

Begun ask_set_clock(Guest& guest, const Context& context, SetClock::Request request, Then<SetClock> then)
{
    if (request.since_1970 && (request.since_1970->count() < 0 || *request.since_1970 >= end_of_2069))
        return invalid_time();
    const std::string& root = guest.facts.config.root;
    return ask_child<SetClock>(
        guest, context, clock_limit, [&] { return set_clock(root, request); }, [](Fields) { return SetClock::Answer{}; },
        std::move(then));
}

}  // namespace bellhop::op
