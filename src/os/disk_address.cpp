// SPDX-License-Identifier: Apache-2.0
// What counts as bus, target and unit depends on the controller's driver. It is what QEMU's agent says, because hosts compare it
// with what they have configured: libvirt finds its disk by the controller's PCI address and these numbers.
#include "os/disk_address.hpp"

#include "os/text_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <string_view>
#include <vector>

namespace bellhop::os {
namespace {

using op::DiskAddress;
using Bus = DiskAddress::Bus;

// The numbers at the front of a text, of "0000:00:1f.2" when `marks` are "::."; they are taken off it. None: it is not like that.
// sscanf(3) would bring 12 KiB into the release binaries.
std::vector<unsigned> take_numbers(std::string_view& text, std::string_view marks, int base)
{
    std::vector<unsigned> numbers(marks.size() + 1);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (i > 0 && !text.starts_with(marks[i - 1]))
            return {};
        text.remove_prefix(i > 0);
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), numbers[i], base);
        if (error != std::errc())
            return {};
        text.remove_prefix(std::size_t(end - text.data()));
    }
    return numbers;
}

// "/target2:0:1/2:0:1:3": the bus, target and unit of SCSI
std::optional<std::array<unsigned, 3>> target_in(const std::string& path)
{
    constexpr std::string_view name = "/target";
    const std::size_t at = path.find(name);
    if (at == path.npos)
        return std::nullopt;
    std::string_view text = std::string_view(path).substr(at + name.size());
    const std::vector<unsigned> numbers = take_numbers(text, "::/:::", 10);
    if (numbers.empty())
        return std::nullopt;
    return std::array{numbers[4], numbers[5], numbers[6]};
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
        std::string_view text = std::string_view(path).substr(at + 1);
        const std::vector<unsigned> numbers = take_numbers(text, "::.", 16);
        if (numbers.empty())
            return {};
        at = path.size() - text.size();
        std::string driver = name_behind(path.substr(0, at) + "/driver");
        if (know_driver(driver)) {
            pci = {int(numbers[0]), int(numbers[1]), int(numbers[2]), int(numbers[3])};
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
    constexpr std::string_view name = "/devices/css";
    const std::size_t at = path.find(name);
    if (at == path.npos)
        return false;
    std::string_view text = std::string_view(path).substr(at + name.size());
    const std::vector<unsigned> numbers = take_numbers(text, "/../..", 16);
    if (numbers.empty())
        return false;
    address.ccw = DiskAddress::Ccw{numbers[1], numbers[2], numbers[3], numbers[6]};
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
