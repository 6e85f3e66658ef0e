// SPDX-License-Identifier: Apache-2.0
// Disks and the file systems on them. Of an address all four PCI members, bus, target and unit have to be there: libvirt refuses
// the whole answer otherwise.
#include "dialect/qga/command.hpp"

#include <bellhop/op/disks.hpp>
#include <bellhop/op/filesystems.hpp>

namespace bellhop::qga {
namespace {

using op::DiskAddress;

std::string_view bus_type(DiskAddress::Bus bus)
{
    switch (bus) {
    case DiskAddress::Bus::ide:
        return "ide";
    case DiskAddress::Bus::scsi:
        return "scsi";
    case DiskAddress::Bus::virtio:
        return "virtio";
    case DiskAddress::Bus::usb:
        return "usb";
    case DiskAddress::Bus::sata:
        return "sata";
    case DiskAddress::Bus::nvme:
        return "nvme";
    case DiskAddress::Bus::unknown:
        break;
    }
    return "unknown";
}

json::Value address_of(const DiskAddress& address)
{
    const DiskAddress::Pci& pci = address.pci;
    json::Members members{
        {"pci-controller",
         json::Members{{"domain", pci.domain}, {"bus", pci.bus}, {"slot", pci.slot}, {"function", pci.function}}},
        {"bus-type", bus_type(address.type)},
        {"bus", std::int64_t(address.bus)},
        {"target", std::int64_t(address.target)},
        {"unit", std::int64_t(address.unit)}};
    if (!address.serial.empty())
        members.emplace_back("serial", address.serial);
    if (!address.device.empty())
        members.emplace_back("dev", address.device);
    if (const auto& ccw = address.ccw)
        members.emplace_back("ccw-address", json::Members{{"cssid", std::int64_t(ccw->cssid)},
                                                          {"ssid", std::int64_t(ccw->ssid)},
                                                          {"subchno", std::int64_t(ccw->subchannel)},
                                                          {"devno", std::int64_t(ccw->device)}});
    return members;
}

void on_filesystems(Call& call, Result<op::Filesystems::Answer> found)
{
    if (!found)
        return call.fail(found.error().text);
    json::Array all;
    for (auto at = found->filesystems.rbegin(); at != found->filesystems.rend(); ++at) {  // libvirt turns them round again
        json::Members members{{"name", at->name}, {"mountpoint", at->directory}, {"type", at->type}};
        if (at->space) {
            members.emplace_back("used-bytes", at->space->used);
            members.emplace_back("total-bytes", at->space->total);
            members.emplace_back("total-bytes-privileged", at->space->privileged);
        }
        json::Array disks;
        for (const DiskAddress& disk : at->disks)
            disks.push_back(address_of(disk));
        members.emplace_back("disk", std::move(disks));
        all.push_back(std::move(members));
    }
    call.answer(std::move(all));
}

void guest_get_fsinfo(Call& call, Arguments& arguments)
{
    if (!call.refused(arguments))
        call.ask<op::Filesystems>({}, &on_filesystems);
}

constexpr std::string_view counts[] = {
    "data-units-read", "data-units-written", "host-read-commands", "host-write-commands", "controller-busy-time",
    "power-cycles",    "power-on-hours",     "unsafe-shutdowns",   "media-errors",        "number-of-error-log-entries"};

json::Value smart_of(const op::Disks::Smart& smart)
{
    json::Members members{{"type", "nvme"},
                          {"critical-warning", std::int64_t(smart.critical_warning)},
                          {"temperature", std::int64_t(smart.temperature)},
                          {"available-spare", std::int64_t(smart.available_spare)},
                          {"available-spare-threshold", std::int64_t(smart.available_spare_threshold)},
                          {"percentage-used", std::int64_t(smart.percentage_used)}};
    static_assert(std::size(counts) == std::tuple_size_v<decltype(smart.counts)>);
    for (std::size_t i = 0; i < std::size(counts); ++i) {
        members.emplace_back(std::string(counts[i]) + "-lo", smart.counts[i].low);
        members.emplace_back(std::string(counts[i]) + "-hi", smart.counts[i].high);
    }
    return members;
}

void on_disks(Call& call, Result<op::Disks::Answer> found)
{
    if (!found)
        return call.fail(found.error().text);
    json::Array all;
    for (const op::Disks::Disk& disk : found->disks) {
        json::Members members{{"name", disk.device}, {"partition", disk.partition}};
        if (disk.depends_on) {
            json::Array devices;
            for (const std::string& device : *disk.depends_on)
                devices.push_back(device);
            members.emplace_back("dependencies", std::move(devices));
        }
        if (disk.address)
            members.emplace_back("address", address_of(*disk.address));
        if (!disk.alias.empty())
            members.emplace_back("alias", disk.alias);
        if (disk.smart)
            members.emplace_back("smart", smart_of(*disk.smart));
        all.push_back(std::move(members));
    }
    call.answer(std::move(all));
}

void guest_get_disks(Call& call, Arguments& arguments)
{
    if (!call.refused(arguments))
        call.ask<op::Disks>({}, &on_disks);
}

}  // namespace

std::span<const Command> disk_commands()
{
    static constexpr Command commands[] = {
        {"guest-get-disks", &guest_get_disks, &op::Disks::info},
        {"guest-get-fsinfo", &guest_get_fsinfo, &op::Filesystems::info},
    };
    return commands;
}

}  // namespace bellhop::qga
