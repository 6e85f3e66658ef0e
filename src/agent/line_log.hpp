// SPDX-License-Identifier: Apache-2.0
// Log lines on standard error, one write(2) each. A reader that does not keep up loses lines, never time of ours.
#pragma once
#include <bellhop/log.hpp>
#include <bellhop/result.hpp>

namespace bellhop {

class LineLog final : public Log {
public:
    explicit LineLog(Level most) : most_(most) {}
    bool wants(Level level) const override { return level <= most_; }
    void write(Level, std::string_view line) override;

private:
    Level most_;
};

Result<Log::Level> parse_level(std::string_view name);  // error, warning, info, debug

}  // namespace bellhop
