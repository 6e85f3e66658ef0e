// SPDX-License-Identifier: Apache-2.0
// The Operations of a real guest: a sorted table, and policy asked once for every verb whoever wants it.
#pragma once
#include "base/row_table.hpp"
#include "op/guest.hpp"

namespace bellhop::op {

class Registry final : public Operations {
public:
    Registry(Guest guest, Policy& policy);
    Registry(const Registry&) = delete;  // the rows refer to guest_
    Status add(OperationRow row) { return rows_.add(std::move(row), "an operation"); }
    const RowTable<OperationRow>& rows() const { return rows_; }
    Guest& guest() { return guest_; }
    std::vector<Listed> list(const Context&) override;
    bool allows(const OperationInfo& info, const Context& context) override { return find(info) && policy_.check(info, context); }

private:
    Result<std::unique_ptr<Job>> start_erased(const OperationInfo&, const Context&, void* request, JobSink&) override;
    Status call_erased(const OperationInfo&, const Context&, void* request, void* answer) override;
    Result<std::unique_ptr<Lease>> ask_erased(const OperationInfo&, const Context&, void* request, void* then) override;
    const OperationRow* find(const OperationInfo&) const;

    Guest guest_;
    Policy& policy_;
    RowTable<OperationRow> rows_;
};

}  // namespace bellhop::op
