// SPDX-License-Identifier: Apache-2.0
#include "os/mounts.hpp"
#include "support/guest_tree.hpp"

using namespace bellhop;
using test::GuestTree;

namespace {

std::vector<std::string> directories(const GuestTree& guest, const std::string& mountinfo)
{
    guest.file("proc/self/mountinfo", mountinfo);
    const auto mounts = os::disk_mounts(guest.root());
    REQUIRE(mounts);
    std::vector<std::string> all;
    for (const os::Mount& mount : *mounts)
        all.push_back(mount.directory + " " + mount.type + " " + mount.device + " " + std::to_string(mount.major) + ":" +
                      std::to_string(mount.minor));
    return all;
}

}  // namespace

TEST_CASE("mounts: those on disks, in their order; the kernel's own and the network's are left out", "[mounts]")
{
    const GuestTree guest;

    CHECK(directories(guest, "21 27 0:21 / /proc rw,relatime - proc proc rw\n"
                             "27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard\n"
                             "30 27 0:25 / /srv rw - nfs4 host:/srv rw\n"
                             "31 27 254:17 / /data rw - xfs /dev/vdb1 rw\n") ==
          std::vector<std::string>{"/ ext4 /dev/vda 254:0", "/data xfs /dev/vdb1 254:17"});
}

TEST_CASE("mounts: blanks, newlines and backslashes in names come back", "[mounts]")
{
    const GuestTree guest;

    CHECK(directories(guest, "1 1 8:1 / /a\\040b\\011c\\012d\\134e rw - ext4 /dev/x\\040y rw\n") ==
          std::vector<std::string>{"/a b\tc\nd\\e ext4 /dev/x y 8:1"});
}

TEST_CASE("mounts: a disk that is mounted again is there once, where it was first", "[mounts]")
{
    const GuestTree guest;

    CHECK(directories(guest, "1 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                             "2 1 8:1 /var/lib/x /bound rw - ext4 /dev/sda1 rw\n"
                             "3 1 8:2 / /home rw - ext4 /dev/sda2 rw\n") ==
          std::vector<std::string>{"/ ext4 /dev/sda1 8:1", "/home ext4 /dev/sda2 8:2"});
}

TEST_CASE("mounts: btrfs is there only if its source is a block device", "[mounts]")
{
    const GuestTree guest;
    guest.file("dev/no-device", "");

    CHECK(directories(guest, "1 1 0:30 / / rw - btrfs /dev/no-device rw\n2 1 0:31 / /x rw - btrfs /dev/nothing rw\n").empty());
}

TEST_CASE("mounts: lines that are cut short or are none do no harm", "[mounts]")
{
    const GuestTree guest;
    const std::string line = "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw";
    for (std::size_t length = 0; length < line.find(" ext4"); ++length)
        CHECK(directories(guest, line.substr(0, length)).empty());

    CHECK(directories(guest, "\n\n - \nx\n1 2 3 4 5 6 7 8 9\n1 1 a:b / / rw - ext4 /dev/vda rw\n1 1 8 / / rw - ext4 x y\n")
              .empty());
}

TEST_CASE("mounts: without a list there is an error that names it", "[mounts]")
{
    const GuestTree guest;

    const auto mounts = os::disk_mounts(guest.root());

    REQUIRE_FALSE(mounts);
    CHECK(mounts.error().text == "cannot open " + guest / "proc/self/mountinfo" + ": No such file or directory");
}
