// SPDX-License-Identifier: Apache-2.0
// A device's node is named by DEVNAME in its file "uevent". udev's own findings are in /run/udev/data/bMAJOR:MINOR, a property a
// line, "E:ID_SERIAL=…"; a guest without udev has none.
#include "os/block_devices.hpp"

#include "os/disk_address.hpp"
#include "os/text_file.hpp"

#include <climits>

#include <cstdlib>
#include <unistd.h>

namespace bellhop::os {
namespace {

constexpr int deepest = 16;              // of virtual devices that lie on others
constexpr std::size_t most_disks = 256;  // below one file system

std::string real_path(const std::string& path)  // "": there is no such thing
{
    char real[PATH_MAX];
    return ::realpath(path.c_str(), real) ? real : "";
}

bool is_virtual(const std::string& real)
{
    return real.find("/devices/virtual/block/") != real.npos;
}

std::string node_of(const std::string& device)
{
    const Result<std::string> text = text_of_file(device + "/uevent");
    const std::string name(text ? value_in(*text, "DEVNAME") : "");
    return name.empty() ? "" : "/dev/" + name;
}

std::string serial_of(const std::string& root, const std::string& device)
{
    const Result<std::string> text = text_of_file(root + "/run/udev/data/b" + first_line(device + "/dev"));
    return std::string(text ? value_in(*text, "E:ID_SERIAL") : "");
}

std::optional<op::DiskAddress> address_of(const std::string& root, const std::string& real)
{
    op::DiskAddress address;
    const bool known = find_address(real, address);
    address.device = node_of(real);
    address.serial = serial_of(root, real);
    if (!known && address.device.empty() && address.serial.empty())
        return std::nullopt;
    return address;
}

void add_disks(const std::string& root, const std::string& real, int depth, std::vector<op::DiskAddress>& disks)
{
    if (depth > deepest || disks.size() >= most_disks || real.empty())
        return;
    if (is_virtual(real)) {
        for (const std::string& name : names_in(real + "/slaves"))
            add_disks(root, real_path(real + "/slaves/" + name), depth + 1, disks);
        return;
    }
    if (auto address = address_of(root, real))
        disks.push_back(std::move(*address));
}

std::optional<std::vector<std::string>> dependencies_of(const std::string& device)
{
    if (::access((device + "/slaves").c_str(), F_OK) < 0)
        return std::nullopt;
    std::vector<std::string> nodes;
    for (const std::string& name : names_in(device + "/slaves"))
        if (std::string node = node_of(device + "/slaves/" + name); !node.empty())
            nodes.push_back(std::move(node));
    return nodes;
}

}  // namespace

BlockDevice block_device(const std::string& root, unsigned major, unsigned minor)
{
    const std::string number = std::to_string(major) + ":" + std::to_string(minor);
    const std::string real = real_path(root + "/sys/dev/block/" + number);
    if (real.empty())
        return {number, {}};  // a container that is not shown the device
    BlockDevice device{real.substr(real.rfind('/') + 1), {}};
    add_disks(root, real, 0, device.disks);
    return device;
}

std::vector<op::Disks::Disk> disks(const std::string& root)
{
    std::vector<op::Disks::Disk> all;
    const std::string folder = root + "/sys/block/";
    for (const std::string& name : names_in(folder)) {
        const std::string real = real_path(folder + name), size = first_line(real + "/size");
        op::Disks::Disk disk;
        disk.device = node_of(real);
        if (size.empty() || size == "0" || disk.device.empty())
            continue;
        if (!is_virtual(real))
            disk.address = address_of(root, real);
        disk.alias = first_line(real + "/dm/name");
        disk.depends_on = dependencies_of(real);
        all.push_back(disk);
        for (const std::string& part : names_in(real)) {
            std::string node = part.starts_with(name) ? node_of(real + "/" + part) : "";
            if (!node.empty() && !first_line(real + "/" + part + "/partition").empty())
                all.push_back({std::move(node), true, {{disk.device}}, {}, {}, {}});
        }
    }
    return all;
}

}  // namespace bellhop::os
