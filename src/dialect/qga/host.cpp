// SPDX-License-Identifier: Apache-2.0
// What the guest is and how busy it is.
#include "dialect/qga/command.hpp"

#include <bellhop/op/host_facts.hpp>
#include <bellhop/op/statistics.hpp>
#include <bellhop/op/time_zone.hpp>
#include <bellhop/op/users.hpp>

#include <cstdlib>

namespace bellhop::qga {
namespace {

void guest_get_host_name(Call& call, Arguments& arguments)
{
    if (call.refused(arguments))
        return;
    const auto facts = call.context().operations.call<op::HostFacts>(call.context(), {});
    if (!facts)
        return call.fail(facts.error().text);
    call.answer(json::Members{{"host-name", facts->host_name.empty() ? "localhost" : facts->host_name}});
}

struct OsMember {
    std::string_view key, name;  // of os-release(5), of ours
};
constexpr OsMember os_members[] = {{"ID", "id"},
                                   {"NAME", "name"},
                                   {"PRETTY_NAME", "pretty-name"},
                                   {"VERSION", "version"},
                                   {"VERSION_ID", "version-id"},
                                   {"VARIANT", "variant"},
                                   {"VARIANT_ID", "variant-id"}};

void guest_get_osinfo(Call& call, Arguments& arguments)
{
    if (call.refused(arguments))
        return;
    const char* file = std::getenv("QGA_OS_RELEASE");
    const auto facts = call.context().operations.call<op::HostFacts>(call.context(), {file ? file : ""});
    if (!facts)
        return call.fail(facts.error().text);
    json::Members answer{
        {"kernel-release", facts->kernel_release}, {"kernel-version", facts->kernel_version}, {"machine", facts->machine}};
    for (const OsMember& member : os_members)
        for (auto at = facts->os_release.rbegin(); at != facts->os_release.rend(); ++at)  // the last one counts
            if (at->first == member.key) {
                answer.emplace_back(member.name, at->second);
                break;
            }
    call.answer(std::move(answer));
}

void on_time_zone(Call& call, Result<op::TimeZone::Answer> zone)
{
    if (!zone)
        return call.fail(zone.error().text);
    json::Members answer{{"offset", std::int64_t(zone->east.count())}};
    if (!zone->abbreviation.empty())
        answer.emplace_back("zone", zone->abbreviation);
    call.answer(std::move(answer));
}

void guest_get_timezone(Call& call, Arguments& arguments)
{
    if (!call.refused(arguments))
        call.ask<op::TimeZone>({}, &on_time_zone);
}

void guest_get_users(Call& call, Arguments& arguments)
{
    if (call.refused(arguments))
        return;
    const auto found = call.context().operations.call<op::Users>(call.context(), {});
    if (!found)
        return call.fail(found.error().text);
    json::Array users;
    for (const op::Users::User& user : found->users)
        users.push_back(json::Members{{"user", user.name}, {"login-time", double(user.since.count()) / 1e6}});
    call.answer(std::move(users));
}

Result<op::Statistics::Answer> statistics(Call& call, op::Statistics::Request request)
{
    return call.context().operations.call<op::Statistics>(call.context(), request);
}

void guest_get_load(Call& call, Arguments& arguments)
{
    if (call.refused(arguments))
        return;
    const auto found = statistics(call, {.load = true});
    if (!found)
        return call.fail(found.error().text);
    call.answer(json::Members{{"load1m", found->load[0]}, {"load5m", found->load[1]}, {"load15m", found->load[2]}});
}

constexpr std::string_view cpu_members[] = {"user", "nice",    "system", "idle",  "iowait",
                                            "irq",  "softirq", "steal",  "guest", "guestnice"};

void guest_get_cpustats(Call& call, Arguments& arguments)
{
    if (call.refused(arguments))
        return;
    const auto found = statistics(call, {.cpus = true});
    if (!found)
        return call.fail(found.error().text);
    json::Array cpus;
    for (const op::Statistics::Cpu& cpu : found->cpus) {
        json::Members members{{"type", "linux"}, {"cpu", std::int64_t(cpu.number)}};
        for (std::size_t i = 0; i < std::min(cpu.times.size(), std::size(cpu_members)); ++i)
            members.emplace_back(cpu_members[i], cpu.times[i]);
        cpus.push_back(std::move(members));
    }
    call.answer(std::move(cpus));
}

constexpr std::string_view disk_members[] = {
    "read-ios",       "read-merges",     "read-sectors",  "read-ticks",  "write-ios",    "write-merges",
    "write-sectors",  "write-ticks",     "ios-pgr",       "total-ticks", "weight-ticks", "discard-ios",
    "discard-merges", "discard-sectors", "discard-ticks", "flush-ios",   "flush-ticks"};
constexpr std::string_view old_disk_members[] = {"read-ios", "read-sectors", "write-ios", "write-sectors"};

void guest_get_diskstats(Call& call, Arguments& arguments)
{
    if (call.refused(arguments))
        return;
    const auto found = statistics(call, {.disks = true});
    if (!found)
        return call.fail(found.error().text);
    json::Array disks;
    for (const op::Statistics::Disk& disk : found->disks) {
        const bool old = disk.counters.size() == std::size(old_disk_members);
        const std::span<const std::string_view> names = old ? std::span<const std::string_view>(old_disk_members) : disk_members;
        json::Members stats;
        for (std::size_t i = 0; i < std::min(disk.counters.size(), names.size()); ++i)
            stats.emplace_back(names[i], disk.counters[i]);
        disks.push_back(json::Members{{"name", disk.name},
                                      {"major", std::int64_t(disk.major)},
                                      {"minor", std::int64_t(disk.minor)},
                                      {"stats", std::move(stats)}});
    }
    call.answer(std::move(disks));
}

}  // namespace

std::span<const Command> host_commands()
{
    static constexpr Command commands[] = {
        {"guest-get-cpustats", &guest_get_cpustats, &op::Statistics::info},
        {"guest-get-diskstats", &guest_get_diskstats, &op::Statistics::info},
        {"guest-get-host-name", &guest_get_host_name, &op::HostFacts::info},
        {"guest-get-load", &guest_get_load, &op::Statistics::info},
        {"guest-get-osinfo", &guest_get_osinfo, &op::HostFacts::info},
        {"guest-get-timezone", &guest_get_timezone, &op::TimeZone::info},
        {"guest-get-users", &guest_get_users, &op::Users::info},
    };
    return commands;
}

}  // namespace bellhop::qga
