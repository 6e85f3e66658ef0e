// SPDX-License-Identifier: Apache-2.0
// Who may talk to us, and what may be done for whom: the one place that decides. It reads the Config that it was given, so a
// reload needs nothing here.
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/context.hpp>

namespace bellhop {

class ConfiguredPolicy final : public Policy {
public:
    explicit ConfiguredPolicy(const Config& config) : config_(config) {}
    Status admit(const Peer&) const;
    Status check(const OperationInfo&, const Context&) override;

private:
    const Config& config_;
};

}  // namespace bellhop
