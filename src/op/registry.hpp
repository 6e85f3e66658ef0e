// SPDX-License-Identifier: Apache-2.0
// The Operations of a real guest: a sorted table, and policy asked once for every verb whoever wants it.
#pragma once
#include "op/guest.hpp"

namespace bellhop::op {

class Registry final : public Operations {
public:
    Registry(Guest guest, Policy& policy) : guest_(guest), policy_(policy) {}
    std::vector<Listed> list(const Context&) override;

private:
    Result<std::unique_ptr<Job>> start_erased(const OperationInfo&, const Context&, void* request, JobSink&) override;
    Status call_erased(const OperationInfo&, const Context&, void* request, void* answer) override;

    Guest guest_;
    Policy& policy_;
};

}  // namespace bellhop::op
