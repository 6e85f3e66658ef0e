// SPDX-License-Identifier: Apache-2.0
// Waiting that a signal ends, and the arithmetic of rounds. Signals (SIGALRM is a row's time limit)
// only set a flag, without SA_RESTART: whatever blocks returns EINTR and checks it, so that
// destructors end the servers and remove the files.
#include "bench.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <unistd.h>

namespace bellhop::benchmark {
namespace {

constexpr int least_rounds = 5;  // a busy machine gets no more than these
constexpr auto rounds_budget = 20s;

volatile std::sig_atomic_t stopped = 0, out_of_time = 0;

std::vector<double> ratios(const Rounds& rounds)
{
    std::vector<double> result;
    for (std::size_t i = 0; i < rounds.ours.size(); ++i)
        result.push_back(rounds.ours[i] / rounds.floor[i]);
    return result;
}

}  // namespace

Fd::~Fd()
{
    if (fd_ >= 0)
        ::close(fd_);
}

Failure system_failure(const std::string& what)
{
    const int error = errno;
    check_interrupted();
    return Failure(what + ": " + std::strerror(error));
}

void stop_on_signals()
{
    struct sigaction action {};
    action.sa_handler = [](int signal) { (signal == SIGALRM ? out_of_time : stopped) = 1; };
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGALRM})
        ::sigaction(signal, &action, nullptr);
}

void check_interrupted()
{
    if (stopped)
        throw Interrupted{};
    if (out_of_time) {
        out_of_time = 0;
        throw Failure("took too long");
    }
}

void pause(std::chrono::milliseconds duration)
{
    const auto until = Clock::now() + duration;
    for (auto left = until - Clock::now(); left > 0s; left = until - Clock::now()) {
        check_interrupted();
        const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
        const timespec time{seconds.count(), (left - seconds) / 1ns};
        ::nanosleep(&time, nullptr);
    }
}

void wait_until(const char* what, std::chrono::milliseconds limit, const std::function<bool()>& true_yet)
{
    for (const auto until = Clock::now() + limit; !true_yet(); pause(5ms))
        if (Clock::now() > until)
            throw Failure(std::string("waited in vain: ") + what);
}

double microseconds_since(Clock::time_point begin)
{
    return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double median_of(int samples, const std::function<double()>& sample)
{
    std::vector<double> values;
    while (samples-- > 0) {
        check_interrupted();
        values.push_back(sample());
    }
    return median(std::move(values));
}

Rounds alternate(int rounds, const std::function<double(int)>& ours, const std::function<double(int)>& floor)
{
    Rounds result;
    const auto until = Clock::now() + rounds_budget;
    for (int round = 0; round < rounds && (round < least_rounds || Clock::now() < until); ++round) {
        check_interrupted();
        result.ours.push_back(ours(round));
        result.floor.push_back(floor(round));
    }
    return result;
}

bool Result::met() const
{
    const double value = ratio.value_or(ours);
    return goal.is == Goal::Is::at_most ? value <= goal.limit : value >= goal.limit;
}

Result by_median_ratio(std::string what, std::string unit, const Rounds& rounds, Goal goal)
{
    Result result{std::move(what),
                  std::move(unit),
                  median(rounds.ours),
                  median(rounds.floor),
                  goal,
                  rounds.ours,
                  rounds.floor,
                  ratios(rounds),
                  {}};
    result.ratio = median(result.ratio_rounds);
    return result;
}

Result by_best(std::string what, std::string unit, const Rounds& rounds, Goal goal)
{
    Result result{std::move(what),
                  std::move(unit),
                  *std::ranges::min_element(rounds.ours),
                  *std::ranges::min_element(rounds.floor),
                  goal,
                  rounds.ours,
                  rounds.floor,
                  ratios(rounds),
                  {}};
    result.ratio = result.ours / *result.floor;
    return result;
}

Result absolute(std::string what, std::string unit, double ours, Goal goal)
{
    return {std::move(what), std::move(unit), ours, {}, goal, {ours}, {}, {}, {}};
}

}  // namespace bellhop::benchmark
