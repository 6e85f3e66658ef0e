// SPDX-License-Identifier: Apache-2.0
// What counts as bus, target and unit depends on the controller's driver. It is what QEMU's agent says, because hosts compare it
// with what they have configured: libvirt finds its disk by the controller's PCI address and these numbers.
#include "os/disk_address.hpp"

#include "os/text_file.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>

namespace bellhop::os {
namespace {

using op::DiskAddress;
using Bus = DiskAddress::Bus;

// "/target2:0:1/2:0:1:3": the bus, target and unit of SCSI
std::optional<std::array<unsigned, 3>> target_in(const std::string& path)
{
    std::array<unsigned, 3> target{};
    const std::size_t at = path.find("/target");
    if (at == path.npos ||
        std::sscanf(path.c_str() + at, "/target%*u:%*u:%*u/%*u:%u:%u:%u", &target[0], &target[1], &target[2]) != 3)
        return std::nullopt;
    return target;
}

// The how-manieth host of its controller this disk belongs to: "ata3" beside "ata4", or "host2".
std::optional<unsigned> host_index(const std::string& path)
{
    for (const std::string word : {"ata", "host"}) {
        const std::size_t at = path.find("/" + word);
        if (at == path.npos)
            continue;
        const std::string ours = path.substr(at + 1, path.find('/', at + 1) - at - 1);
        unsigned index = 0;
        for (const std::string& name : names_in(path.substr(0, at)))  // by number
            if (name == ours)
                return index;
            else
                index += name.starts_with(word) && number_of<unsigned>(std::string_view(name).substr(word.size()));
        return std::nullopt;
    }
    return std::nullopt;
}

bool know_driver(const std::string& driver)
{
    static constexpr std::string_view known[] = {"ahci", "ata_piix", "ehci-pci", "nvme", "sym53c8xx", "virtio-pci", "xhci_hcd"};
    return std::find(std::begin(known), std::end(known), driver) != std::end(known);
}

// The first device from the root on that has such a driver: before it are bridges, behind it what hangs on the controller.
std::string find_controller(const std::string& path, DiskAddress::Pci& pci)
{
    std::size_t at = path.find("/pci");
    if (at == path.npos)
        return {};
    for (at = path.find('/', at + 1); at != path.npos;) {
        unsigned domain = 0, bus = 0, slot = 0, function = 0;
        int length = 0;
        if (std::sscanf(path.c_str() + at, "/%x:%x:%x.%x%n", &domain, &bus, &slot, &function, &length) != 4)
            return {};
        at += std::size_t(length);
        std::string driver = name_behind(path.substr(0, at) + "/driver");
        if (know_driver(driver)) {
            pci = {int(domain), int(bus), int(slot), int(function)};
            return driver;
        }
    }
    return {};
}

bool find_pci(const std::string& path, DiskAddress& address)
{
    const std::string driver = find_controller(path, address.pci);
    const auto target = target_in(path);
    const auto host = host_index(path);
    if (driver == "ata_piix" && host && target) {  // a host for each cable
        address.type = Bus::ide;
        address.bus = *host;
        address.unit = (*target)[1];
    } else if (driver == "ahci" && host && target) {  // a host for each disk
        address.type = Bus::sata;
        address.unit = *host;
    } else if (driver == "sym53c8xx" && target) {
        address.type = Bus::scsi;
        address.unit = (*target)[1];
    } else if (driver == "virtio-pci" && target) {
        address.type = Bus::scsi;
        address.unit = (*target)[2];
    } else if (driver == "virtio-pci")
        address.type = Bus::virtio;
    else if (driver == "nvme")
        address.type = Bus::nvme;
    else if (driver == "ehci-pci" || driver == "xhci_hcd")
        address.type = Bus::usb;
    return address.type != Bus::unknown;
}

bool find_virtio(const std::string& path, DiskAddress& address)  // on whatever bus
{
    if (path.find("/virtio") == path.npos || path.find("/block") == path.npos)
        return false;
    address.type = Bus::virtio;
    if (const auto target = target_in(path)) {
        address.type = Bus::scsi;
        address.bus = (*target)[0];
        address.target = (*target)[1];
        address.unit = (*target)[2];
    }
    return true;
}

bool find_ccw(const std::string& path, DiskAddress& address)
{
    DiskAddress::Ccw ccw;
    const std::size_t at = path.find("/devices/css");
    if (at == path.npos || std::sscanf(path.c_str() + at, "/devices/css%*x/%x.%x.%x/%*x.%*x.%x/", &ccw.cssid, &ccw.ssid,
                                       &ccw.subchannel, &ccw.device) != 4)
        return false;
    address.ccw = ccw;
    find_virtio(path, address);
    return true;
}

}  // namespace

bool find_address(const std::string& path, DiskAddress& address)
{
    if (path.find("/pci") != path.npos)
        return find_pci(path, address);
    return find_ccw(path, address) || find_virtio(path, address);
}

}  // namespace bellhop::os
