// SPDX-License-Identifier: Apache-2.0
// A verb is a row in the table. What an operation needs of the agent itself, its row has bound; those of an embedder bind what is
// theirs. The types fit because `&Op::info` is both the caller's key (Operations::start<Op>) and the row's.
#include "op/registry.hpp"

#include "op/jobs.hpp"

#include <functional>
#include <utility>

namespace bellhop::op {
namespace {

std::vector<OperationRow> built_in(Guest& guest)
{
    const std::reference_wrapper<Guest> ours(guest);
    return {
        ask_row<ChangeSshKeys>(std::bind_front(&ask_change_ssh_keys, ours)),
        call_row<Cpus>(std::bind_front(&cpus, ours)),
        ask_row<Disks>(std::bind_front(&ask_disks, ours)),
        ask_row<Filesystems>(std::bind_front(&ask_filesystems, ours)),
        ask_row<Freeze>(std::bind_front(&ask_freeze, ours)),
        call_row<FreezeState>(std::bind_front(&freeze_state, ours)),
        call_row<GetClock>(std::bind_front(&get_clock, ours)),
        call_row<GetFile>(std::bind_front(&get_file, ours)),
        call_row<HostFacts>(std::bind_front(&host_facts, ours)),
        call_row<Info>(std::bind_front(&info, ours)),
        ask_row<InjectFile>(std::bind_front(&ask_inject_file, ours)),
        call_row<MayHang>(std::bind_front(&may_hang, ours)),
        ask_row<MemoryBlocks>(std::bind_front(&ask_memory_blocks, ours)),
        ask_row<Network>(std::bind_front(&ask_network, ours)),
        call_row<OpenFile>(std::bind_front(&open_file, ours)),
        ask_row<OwnCommand>(std::bind_front(&ask_own_command, ours)),
        call_row<OwnCommands>(std::bind_front(&own_commands, ours)),
        ask_row<Power>(std::bind_front(&ask_power, ours)),
        job_row<PutFile>(std::bind_front(&start_put_file, ours)),
        ask_row<Reach>(std::bind_front(&ask_reach, ours)),
        ask_row<RegisterRhn>(std::bind_front(&ask_register_rhn, ours)),
        job_row<Run>(std::bind_front(&start_run, ours)),
        ask_row<SetClock>(std::bind_front(&ask_set_clock, ours)),
        ask_row<SetCpus>(std::bind_front(&ask_set_cpus, ours)),
        ask_row<SetHostname>(std::bind_front(&ask_set_hostname, ours)),
        ask_row<SetMemoryBlocks>(std::bind_front(&ask_set_memory_blocks, ours)),
        ask_row<SetPassword>(std::bind_front(&ask_set_password, ours)),
        ask_row<SshKeys>(std::bind_front(&ask_ssh_keys, ours)),
        call_row<Statistics>(std::bind_front(&statistics, ours)),
        ask_row<Suspend>(std::bind_front(&ask_suspend, ours)),
        ask_row<Thaw>(std::bind_front(&ask_thaw, ours)),
        ask_row<TimeZone>(std::bind_front(&ask_time_zone, ours)),
        ask_row<Trim>(std::bind_front(&ask_trim, ours)),
        call_row<Users>(std::bind_front(&users, ours)),
    };
}

Error unknown(const OperationInfo& info)
{
    return {Error::Kind::unsupported, {}, "this guest cannot " + std::string(info.name)};
}

}  // namespace

Registry::Registry(Guest guest, Policy& policy) : guest_(std::move(guest)), policy_(policy), rows_(built_in(guest_))
{
    if (marked_frozen(guest_.facts.config))
        guest_.frozen.set(Frozen::State::frozen);
}

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

Result<std::unique_ptr<Lease>> Registry::ask_erased(const OperationInfo& info, const Context& context, void* request, void* then)
{
    if (Status allowed = policy_.check(info, context); !allowed)
        return std::move(allowed.error());
    const OperationRow* row = find(info);
    return row && row->ask ? row->ask(context, request, then) : unknown(info);
}

std::vector<Operations::Listed> Registry::list(const Context& context)
{
    std::vector<Listed> all;
    for (const OperationRow& row : rows_)
        all.push_back({row.info, bool(policy_.check(*row.info, context))});
    return all;
}

}  // namespace bellhop::op
