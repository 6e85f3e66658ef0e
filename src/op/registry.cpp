// SPDX-License-Identifier: Apache-2.0
// A verb is a row in the table. What an operation needs of the agent itself, its row has bound; those of an embedder bind what is
// theirs. The types fit because `&Op::info` is both the caller's key (Operations::start<Op>) and the row's.
#include "op/registry.hpp"

#include "op/jobs.hpp"

#include <functional>

namespace bellhop::op {
namespace {

std::vector<OperationRow> built_in(Guest& guest)
{
    const std::reference_wrapper<Guest> ours(guest);
    return {
        call_row<GetFile>(std::bind_front(&get_file, ours)),
        call_row<Info>(std::bind_front(&info, ours)),
        job_row<PutFile>(std::bind_front(&start_put_file, ours)),
        job_row<Run>(std::bind_front(&start_run, ours)),
    };
}

Error unknown(const OperationInfo& info)
{
    return {Error::Kind::unsupported, {}, "this guest cannot " + std::string(info.name)};
}

}  // namespace

Registry::Registry(Guest guest, Policy& policy) : guest_(guest), policy_(policy), rows_(built_in(guest_)) {}

const OperationRow* Registry::find(const OperationInfo& info) const
{
    const OperationRow* row = rows_.find(info.name);
    return row && row->info == &info ? row : nullptr;
}

Result<std::unique_ptr<Job>> Registry::start_erased(const OperationInfo& info, const Context& context, void* request,
                                                    JobSink& sink)
{
    if (Status allowed = policy_.check(info, context); !allowed)
        return std::move(allowed.error());
    const OperationRow* row = find(info);
    return row && row->start ? row->start(context, request, sink) : unknown(info);
}

Status Registry::call_erased(const OperationInfo& info, const Context& context, void* request, void* answer)
{
    if (Status allowed = policy_.check(info, context); !allowed)
        return std::move(allowed.error());
    const OperationRow* row = find(info);
    return row && row->call ? row->call(context, request, answer) : unknown(info);
}

std::vector<Operations::Listed> Registry::list(const Context& context)
{
    std::vector<Listed> all;
    for (const OperationRow& row : rows_)
        all.push_back({row.info, bool(policy_.check(*row.info, context))});
    return all;
}

}  // namespace bellhop::op
