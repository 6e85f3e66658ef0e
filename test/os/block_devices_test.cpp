// SPDX-License-Identifier: Apache-2.0
#include "os/block_devices.hpp"
#include "support/guest_tree.hpp"

using namespace bellhop;
using op::DiskAddress;
using test::GuestTree;
using Bus = DiskAddress::Bus;
using Names = std::vector<std::string>;

namespace {

DiskAddress only(const GuestTree& guest, unsigned major = 8, unsigned minor = 0)
{
    const os::BlockDevice device = os::block_device(guest.root(), major, minor);
    REQUIRE(device.disks.size() == 1);
    return device.disks[0];
}

struct Place {
    const char *driver, *at, *disk;  // the driver of the device `at`, and the disk behind it
    Bus type;
    DiskAddress::Pci pci;
    unsigned bus, target, unit;
};

const Place places[] = {
    {"virtio-pci", "pci0000:00/0000:00:02.0", "virtio1/block/vda", Bus::virtio, {0, 0, 2, 0}, 0, 0, 0},
    {"virtio-pci", "pci0000:00/0000:00:02.0", "virtio1/host2/target2:0:1/2:0:1:3/block/sda", Bus::scsi, {0, 0, 2, 0}, 0, 0, 3},
    {"ahci", "pci0000:00/0000:00:1f.2", "ata4/host3/target3:0:0/3:0:0:0/block/sda", Bus::sata, {0, 0, 0x1f, 2}, 0, 0, 2},
    {"ata_piix", "pci0000:00/0000:00:01.1", "ata4/host3/target3:0:1/3:0:1:0/block/sda", Bus::ide, {0, 0, 1, 1}, 2, 0, 1},
    {"sym53c8xx", "pci0000:00/0000:00:05.0", "host2/target2:0:6/2:0:6:0/block/sda", Bus::scsi, {0, 0, 5, 0}, 0, 0, 6},
    {"nvme", "pci0000:00/0000:00:1c.0/0000:03:00.0", "nvme/nvme0/nvme0n1", Bus::nvme, {0, 3, 0, 0}, 0, 0, 0},
    {"xhci_hcd",
     "pci0000:00/0000:00:04.0",
     "usb1/1-1/1-1:1.0/host2/target2:0:0/2:0:0:0/block/sda",
     Bus::usb,
     {0, 0, 4, 0},
     0,
     0,
     0},
    {"virtio-pci", "platform/4010000000.pcie/pci0000:00/0000:00:02.0", "virtio1/block/vda", Bus::virtio, {0, 0, 2, 0}, 0, 0, 0},
    {"virtio-pci", "pci0001:80/0001:80:01.0/10000:e1:00.7", "virtio1/block/vda", Bus::virtio, {0x10000, 0xe1, 0, 7}, 0, 0, 0},
    {"mptspi", "pci0000:00/0000:00:05.0", "host2/target2:0:6/2:0:6:0/block/sda", Bus::unknown, {}, 0, 0, 0},
    {nullptr, "platform/a003e00.virtio_mmio", "virtio2/block/vda", Bus::virtio, {}, 0, 0, 0},
    {nullptr, "platform/a003e00.virtio_mmio", "virtio2/host0/target0:1:2/0:1:2:3/block/sda", Bus::scsi, {}, 1, 2, 3},
};

}  // namespace

TEST_CASE("disks: where each kind of controller has them", "[disks]")
{
    for (const Place& place : places) {
        CAPTURE(place.at, place.disk);
        const GuestTree guest;
        const std::string controller = place.at, disk = controller + "/" + place.disk;
        guest.disk(disk, "8:0");
        if (place.driver)
            guest.link("sys/devices/" + controller + "/driver", std::string("../../../bus/pci/drivers/") + place.driver);
        for (const char* other : {"ata2", "ata3", "ata10"})  // other hosts of the same controller
            guest.folder("sys/devices/" + controller + "/" + other);

        const DiskAddress found = only(guest);

        CHECK(int(found.type) == int(place.type));
        CHECK(found.pci == place.pci);
        CHECK(std::vector{found.bus, found.target, found.unit} == std::vector{place.bus, place.target, place.unit});
        CHECK(found.device == "/dev" + disk.substr(disk.rfind('/')));
    }
}

TEST_CASE("disks: channel I/O", "[disks]")
{
    const GuestTree guest;
    guest.disk("css0/0.0.0001/0.0.00fe/virtio1/block/vda", "8:0");

    const DiskAddress found = only(guest);

    CHECK(found.ccw == DiskAddress::Ccw{0, 0, 1, 0xfe});
    CHECK(found.type == Bus::virtio);
    CHECK(found.pci == DiskAddress::Pci());
}

TEST_CASE("disks: the serial is udev's, and absent without it", "[disks]")
{
    const GuestTree guest;
    guest.disk("virtio0/block/vda", "8:0");
    CHECK(only(guest).serial.empty());
    guest.file("run/udev/data/b8:0", "S:disk/by-id/x\nE:ID_SERIAL_SHORT=no\nE:ID_SERIAL=QM 0001\nG:systemd\n");

    CHECK(only(guest).serial == "QM 0001");
}

TEST_CASE("disks: a virtual device lies on its slaves' disks, through any layers", "[disks]")
{
    const GuestTree guest;
    guest.disk("virtio0/block/vda", "8:0");
    guest.partition("virtio0/block/vda", "vda2", "8:2");
    guest.disk("virtio1/block/vdb", "8:16");
    guest.disk("virtual/block/md0", "9:0");
    guest.disk("virtual/block/dm-0", "253:0");
    guest.link("sys/devices/virtual/block/md0/slaves/vda2", "../../../../virtio0/block/vda/vda2");
    guest.link("sys/devices/virtual/block/md0/slaves/vdb", "../../../../virtio1/block/vdb");
    guest.link("sys/devices/virtual/block/dm-0/slaves/md0", "../../md0");

    const os::BlockDevice device = os::block_device(guest.root(), 253, 0);

    CHECK(device.name == "dm-0");
    REQUIRE(device.disks.size() == 2);
    CHECK(device.disks[0].device == "/dev/vda2");
    CHECK(device.disks[1].device == "/dev/vdb");
}

TEST_CASE("disks: devices that lie on each other come to an end", "[disks]")
{
    const GuestTree guest;
    guest.disk("virtual/block/dm-0", "253:0");
    guest.disk("virtual/block/dm-1", "253:1");
    guest.link("sys/devices/virtual/block/dm-0/slaves/dm-1", "../../dm-1");
    guest.link("sys/devices/virtual/block/dm-1/slaves/dm-0", "../../dm-0");

    CHECK(os::block_device(guest.root(), 253, 0).disks.empty());
}

TEST_CASE("disks: a device that sysfs does not show is named by its number", "[disks]")
{
    CHECK(os::block_device(GuestTree().root(), 8, 1).name == "8:1");
}

TEST_CASE("disks: all that have a size, each followed by its partitions", "[disks]")
{
    const GuestTree guest;
    guest.disk("virtio0/block/vda", "8:0");
    guest.partition("virtio0/block/vda", "vda10", "8:10");
    guest.partition("virtio0/block/vda", "vda2", "8:2");
    guest.folder("sys/devices/virtio0/block/vda/vda_no_partition");
    guest.disk("virtual/block/loop0", "7:0", "0");
    guest.disk("virtual/block/dm-0", "253:0");
    guest.file("sys/devices/virtual/block/dm-0/dm/name", "vg-root\n");
    guest.link("sys/devices/virtual/block/dm-0/slaves/vda2", "../../../../virtio0/block/vda/vda2");

    const auto disks = os::disks(guest.root());

    REQUIRE(disks.size() == 4);
    CHECK(disks[0].device == "/dev/dm-0");
    CHECK(disks[0].alias == "vg-root");
    CHECK(disks[0].depends_on == Names{"/dev/vda2"});
    CHECK_FALSE(disks[0].address);
    CHECK(disks[1].device == "/dev/vda");
    CHECK(disks[1].depends_on == Names{});
    CHECK(disks[1].address.has_value());
    CHECK_FALSE(disks[1].partition);
    for (const std::size_t i : {2, 3}) {
        CHECK(disks[i].device == (i == 2 ? "/dev/vda2" : "/dev/vda10"));
        CHECK(disks[i].partition);
        CHECK(disks[i].depends_on == Names{"/dev/vda"});
        CHECK_FALSE(disks[i].address);
    }
}
