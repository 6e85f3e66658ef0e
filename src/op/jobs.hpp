// SPDX-License-Identifier: Apache-2.0
// The functions behind the verbs, for the registry's table: one declaration a verb.
#pragma once
#include "op/guest.hpp"

#include <bellhop/op/clock.hpp>
#include <bellhop/op/cpus.hpp>
#include <bellhop/op/disks.hpp>
#include <bellhop/op/filesystems.hpp>
#include <bellhop/op/freeze.hpp>
#include <bellhop/op/get_file.hpp>
#include <bellhop/op/host_facts.hpp>
#include <bellhop/op/hostname.hpp>
#include <bellhop/op/info.hpp>
#include <bellhop/op/inject_file.hpp>
#include <bellhop/op/memory_blocks.hpp>
#include <bellhop/op/network.hpp>
#include <bellhop/op/open_file.hpp>
#include <bellhop/op/own_command.hpp>
#include <bellhop/op/power.hpp>
#include <bellhop/op/put_file.hpp>
#include <bellhop/op/reach.hpp>
#include <bellhop/op/register_rhn.hpp>
#include <bellhop/op/run.hpp>
#include <bellhop/op/set_password.hpp>
#include <bellhop/op/ssh_keys.hpp>
#include <bellhop/op/statistics.hpp>
#include <bellhop/op/time_zone.hpp>
#include <bellhop/op/trim.hpp>
#include <bellhop/op/users.hpp>

namespace bellhop::op {

using Begun = Result<std::unique_ptr<Lease>>;
template <class Op> using Then = std::function<void(Result<typename Op::Answer>)>;

Status get_file(Guest&, const Context&, const GetFile::Request&, GetFile::Answer&);
Status info(Guest&, const Context&, const Info::Request&, Info::Answer&);
Status own_commands(Guest&, const Context&, const OwnCommands::Request&, OwnCommands::Answer&);
Begun ask_own_command(Guest&, const Context&, OwnCommand::Request, Then<OwnCommand>);
Status open_file(Guest&, const Context&, const OpenFile::Request&, OpenFile::Answer&);
// Where a put's file goes: `path` made absolute lexically, and within it if it is a directory.
Result<std::string> put_target(const std::string& path, const std::string& name);
Result<std::unique_ptr<Job>> start_put_file(Guest&, const Context&, PutFile::Request, JobSink&);
Result<std::unique_ptr<Job>> start_run(Guest&, const Context&, Run::Request, JobSink&);
// What reads the guest.
Status cpus(Guest&, const Context&, const Cpus::Request&, Cpus::Answer&);
Status host_facts(Guest&, const Context&, const HostFacts::Request&, HostFacts::Answer&);
Status statistics(Guest&, const Context&, const Statistics::Request&, Statistics::Answer&);
Status users(Guest&, const Context&, const Users::Request&, Users::Answer&);
Begun ask_disks(Guest&, const Context&, Disks::Request, Then<Disks>);
Begun ask_filesystems(Guest&, const Context&, Filesystems::Request, Then<Filesystems>);
Begun ask_memory_blocks(Guest&, const Context&, MemoryBlocks::Request, Then<MemoryBlocks>);
Status may_hang(Guest&, const Context&, const MayHang::Request&, MayHang::Answer&);
Begun ask_reach(Guest&, const Context&, Reach::Request, Then<Reach>);
Begun ask_network(Guest&, const Context&, Network::Request, Then<Network>);
Begun ask_set_cpus(Guest&, const Context&, SetCpus::Request, Then<SetCpus>);
Begun ask_set_memory_blocks(Guest&, const Context&, SetMemoryBlocks::Request, Then<SetMemoryBlocks>);
Begun ask_time_zone(Guest&, const Context&, TimeZone::Request, Then<TimeZone>);
// What changes the guest.
Status freeze_state(Guest&, const Context&, const FreezeState::Request&, FreezeState::Answer&);
Status get_clock(Guest&, const Context&, const GetClock::Request&, GetClock::Answer&);
Begun ask_change_ssh_keys(Guest&, const Context&, ChangeSshKeys::Request, Then<ChangeSshKeys>);
Begun ask_freeze(Guest&, const Context&, Freeze::Request, Then<Freeze>);
Begun ask_inject_file(Guest&, const Context&, InjectFile::Request, Then<InjectFile>);
Begun ask_power(Guest&, const Context&, Power::Request, Then<Power>);
Begun ask_set_clock(Guest&, const Context&, SetClock::Request, Then<SetClock>);
Begun ask_register_rhn(Guest&, const Context&, RegisterRhn::Request, Then<RegisterRhn>);
Begun ask_set_hostname(Guest&, const Context&, SetHostname::Request, Then<SetHostname>);
Begun ask_set_password(Guest&, const Context&, SetPassword::Request, Then<SetPassword>);
Begun ask_ssh_keys(Guest&, const Context&, SshKeys::Request, Then<SshKeys>);
Begun ask_suspend(Guest&, const Context&, Suspend::Request, Then<Suspend>);
Begun ask_thaw(Guest&, const Context&, Thaw::Request, Then<Thaw>);
Begun ask_trim(Guest&, const Context&, Trim::Request, Then<Trim>);
bool marked_frozen(const Config&);  // by an agent before us, in this boot

}  // namespace bellhop::op
