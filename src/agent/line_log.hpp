// SPDX-License-Identifier: Apache-2.0
// Log lines to standard error, the kernel's ring buffer (/dev/kmsg) or the journal's socket: one system call each. A reader that
// does not keep up loses lines, never time of ours; and what a peer can provoke is limited to a burst and then a few a second.
#pragma once
#include "agent/settings.hpp"

#include <bellhop/fd.hpp>
#include <bellhop/log.hpp>

#include <chrono>
#include <string>

namespace bellhop {

class LineLog final : public Log {
public:
    LineLog(Level most, LogTarget target) { use(most, target); }
    void use(Level most, LogTarget target);  // a target that is not there: standard error, and a line that says so
    bool wants(Level level) const override { return level <= most_; }
    void write(Level, std::string_view line) override;
    void hush(bool) override;

private:
    bool spend();
    void write_now(Level, std::string_view line);

    Level most_ = Level::info;
    LogTarget target_ = LogTarget::standard_error;
    Fd out_;  // of kernel and journal
    double allowance_ = burst;
    std::size_t lost_ = 0, unsaid_ = 0;  // unsaid: for being hushed
    bool hushed_ = false;
    std::chrono::steady_clock::time_point last_{};
    static constexpr double burst = 100, a_second = 10;
};

}  // namespace bellhop
