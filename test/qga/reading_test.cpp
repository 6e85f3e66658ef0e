// SPDX-License-Identifier: Apache-2.0
// The commands that read the guest, through the real operations, of a guest that is a folder.
#include "base/json.hpp"
#include "dialect/qga/qga.hpp"
#include "support/guest_tree.hpp"
#include "support/loop.hpp"

namespace bellhop::test {
namespace {

struct Guest : GuestTree {
    Loop loop;
    FakeOutbox outbox;
    std::unique_ptr<Dialect> dialect;
    std::unique_ptr<ChannelSession> session;

    Guest()
    {
        loop.config.root = root();
        dialect = qga::make_dialect("9.9", loop.config, loop.context);
        session = dialect->open(outbox, loop.context);
    }
    // What is behind {"return": , or the whole line.
    std::string answer(const std::string& command, const std::string& arguments = "{}")
    {
        outbox.forget();
        session->on_bytes(bytes_of("{\"execute\":\"" + command + "\",\"arguments\":" + arguments + "}\n"));
        REQUIRE(loop.until([this] { return outbox.sent().ends_with("\n"); }));
        const std::string line = outbox.sent(), begin = "{\"return\": ";
        return line.starts_with(begin) ? line.substr(begin.size(), line.size() - begin.size() - 2) : line;
    }
    std::string refusal(const std::string& desc) const
    {
        return "{\"error\": {\"class\": \"GenericError\", \"desc\": \"" + desc + "\"}}\n";
    }
};

}  // namespace

TEST_CASE("qga: users, load, processor times and disk counters have their members", "[qga][reading]")
{
    Guest guest;
    guest.file("run/systemd/sessions/3", "USER=alice\nCLASS=user\nREALTIME=1700000000654321\n");
    guest.file("proc/loadavg", "0.25 1.50 12.00 1/99 4711\n");
    guest.file("proc/stat", "cpu 1 1 1 1\ncpu3 0 0 0 0 0 0 0 0 0 0\ncpu4 0 0 0 0\n");
    guest.file("proc/diskstats", "8 0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n8 1 sda1 1 2 3 4\n");

    CHECK(guest.answer("guest-get-users") == R"([{"user": "alice", "login-time": 1700000000.654321}])");
    CHECK(guest.answer("guest-get-load") == R"({"load1m": 0.25, "load5m": 1.5, "load15m": 12})");
    CHECK(
        guest.answer("guest-get-cpustats") ==
        R"([{"type": "linux", "cpu": 3, "user": 0, "nice": 0, "system": 0, "idle": 0, "iowait": 0, "irq": 0, "softirq": 0, )"
        R"("steal": 0, "guest": 0, "guestnice": 0}, {"type": "linux", "cpu": 4, "user": 0, "nice": 0, "system": 0, "idle": 0}])");
    CHECK(guest.answer("guest-get-diskstats") ==
          R"([{"name": "sda", "major": 8, "minor": 0, "stats": {"read-ios": 1, "read-merges": 2, "read-sectors": 3, )"
          R"("read-ticks": 4, "write-ios": 5, "write-merges": 6, "write-sectors": 7, "write-ticks": 8, "ios-pgr": 9, )"
          R"("total-ticks": 10, "weight-ticks": 11, "discard-ios": 12, "discard-merges": 13, "discard-sectors": 14, )"
          R"("discard-ticks": 15, "flush-ios": 16, "flush-ticks": 17}}, {"name": "sda1", "major": 8, "minor": 1, )"
          R"("stats": {"read-ios": 1, "read-sectors": 2, "write-ios": 3, "write-sectors": 4}}])");
}

TEST_CASE("qga: routes of both families have their members", "[qga][reading]")
{
    Guest guest;
    const std::string none(32, '0');
    guest.file("proc/net/route", "Iface Destination\neth0 00000000 00000000 0003 0 0 100 00000000 0 0 0\n");
    guest.file("proc/net/ipv6_route", none + " 00 " + none + " 80 " + none + " ffffffff 1 0 80200001 lo\n");

    CHECK(
        guest.answer("guest-network-get-route") ==
        R"([{"iface": "eth0", "destination": "0.0.0.0", "metric": 100, "flags": 3, "refcnt": 0, "use": 0, "version": 4, )"
        R"("gateway": "0.0.0.0", "mask": "0.0.0.0", "mtu": 0, "window": 0, "irtt": 0}, )"
        R"({"iface": "lo", "destination": "::", "metric": 4294967295, "flags": 2149580801, "refcnt": 1, "use": 0, "version": 6, )"
        R"("nexthop": "::", "source": "::", "desprefixlen": "0", "srcprefixlen": "128"}])");
}

TEST_CASE("qga: interfaces come back whole from the child that looks for them", "[qga][reading]")
{
    Guest guest;
    guest.file("proc/net/dev", "    lo: 18446744073709551615 2 3 4 0 0 0 0 9 10 11 12 0 0 0 0\n");
    const std::string answer = guest.answer("guest-network-get-interfaces");

    CHECK(answer.find(R"("name": "lo", "hardware-address": "00:00:00:00:00:00")") != answer.npos);
    if (answer.find(R"("ip-address": "127.0.0.1", "ip-address-type": "ipv4", "prefix": 8)") != answer.npos)
        CHECK(answer.find(R"("statistics": {"rx-bytes": 18446744073709551615, "rx-packets": 2, "rx-errs": 3, "rx-dropped": 4, )"
                          R"("tx-bytes": 9, "tx-packets": 10, "tx-errs": 11, "tx-dropped": 12}})") != answer.npos);
}

TEST_CASE("qga: processors are listed and switched", "[qga][reading]")
{
    Guest guest;
    guest.folder("sys/devices/system/cpu/cpu0");
    guest.file("sys/devices/system/cpu/cpu1/online", "1\n");

    CHECK(guest.answer("guest-get-vcpus") == R"([{"logical-id": 0, "online": true, "can-offline": false}, )"
                                             R"({"logical-id": 1, "online": true, "can-offline": true}])");
    CHECK(guest.answer("guest-set-vcpus", R"({"vcpus":[]})") == "0");
    CHECK(guest.answer("guest-set-vcpus", R"({"vcpus":[{"logical-id":1,"online":false,"can-offline":true}]})") == "1");
    CHECK(guest.answer("guest-get-vcpus").find(R"("logical-id": 1, "online": false)") != std::string::npos);
    CHECK(guest.answer("guest-set-vcpus", R"({"vcpus":[{"logical-id":1,"online":true},{"logical-id":0,"online":false}]})") ==
          "1");
    CHECK(guest.answer("guest-set-vcpus", R"({"vcpus":[{"logical-id":0,"online":false}]})") ==
          guest.refusal("logical processor #0 can't be offlined"));
    CHECK(guest.answer("guest-set-vcpus", R"({"vcpus":[{"logical-id":1}]})") ==
          guest.refusal("Parameter 'vcpus[0].online' is missing"));
    CHECK(guest.answer("guest-set-vcpus", R"({"vcpus":[{"logical-id":1,"online":true,"can-offline":1}]})") ==
          guest.refusal("Invalid parameter type for 'vcpus[0].can-offline', expected: boolean"));
    CHECK(guest.answer("guest-set-vcpus", R"({"vcpus":[{"logical-id":1,"online":true,"on":1}]})") ==
          guest.refusal("Parameter 'vcpus[0].on' is unexpected"));
    CHECK(guest.answer("guest-set-vcpus") == guest.refusal("Parameter 'vcpus' is missing"));
}

TEST_CASE("qga: blocks of memory are listed and switched, each with its own outcome", "[qga][reading]")
{
    Guest guest;
    CHECK(guest.answer("guest-get-memory-blocks") == "[]");
    CHECK(guest.answer("guest-get-memory-block-info") ==
          guest.refusal("Could not open '" + guest / "sys/devices/system/memory/" + "': No such file or directory"));
    CHECK(guest.answer("guest-set-memory-blocks", R"({"mem-blks":[{"phys-index":3,"online":true}]})") ==
          R"([{"phys-index": 3, "response": "operation-not-supported", "error-code": 2}])");
    guest.file("sys/devices/system/memory/block_size_bytes", "8000000\n");
    guest.file("sys/devices/system/memory/memory3/state", "online\n");
    guest.file("sys/devices/system/memory/memory3/removable", "1\n");

    CHECK(guest.answer("guest-get-memory-blocks") == R"([{"phys-index": 3, "online": true, "can-offline": true}])");
    CHECK(guest.answer("guest-get-memory-block-info") == R"({"size": 134217728})");
    CHECK(guest.answer("guest-set-memory-blocks", R"({"mem-blks":[]})") == "[]");
    CHECK(guest.answer("guest-set-memory-blocks",
                       R"({"mem-blks":[{"phys-index":3,"online":false},{"phys-index":99999999,"online":true},)"
                       R"({"phys-index":-3,"online":true}]})") ==
          R"([{"phys-index": 3, "response": "success"}, {"phys-index": 99999999, "response": "not-found", "error-code": 2}, )"
          R"({"phys-index": 18446744073709551613, "response": "not-found", "error-code": 2}])");
}

TEST_CASE("qga: file systems in reverse order, with the disks they lie on", "[qga][reading]")
{
    Guest guest;
    guest.folder("mnt");
    guest.disk("pci0000:00/0000:00:02.0/virtio1/block/vda", "254:0");
    guest.link("sys/devices/pci0000:00/0000:00:02.0/driver", "../../../bus/pci/drivers/virtio-pci");
    guest.file("run/udev/data/b254:0", "E:ID_SERIAL=QM0001\n");
    guest.disk("platform/nothing/block/sda", "8:0");
    guest.file("proc/self/mountinfo", "1 1 254:0 / / rw - ext4 /dev/vda rw\n2 1 8:0 / /gone rw - xfs /dev/sda rw\n"
                                      "3 1 8:7 / /mnt rw - vfat /dev/sdb rw\n");

    const auto answer = json::parse(guest.answer("guest-get-fsinfo"));

    REQUIRE(answer);
    REQUIRE(answer->array());
    REQUIRE(answer->array()->size() == 3);
    const json::Value &last = (*answer->array())[0], &gone = (*answer->array())[1], &first = (*answer->array())[2];
    CHECK(*last["mountpoint"].string() == "/mnt");
    CHECK(*last["name"].string() == "8:7");
    CHECK(last["disk"].text() == "[]");
    CHECK(last["used-bytes"].integer());
    CHECK(last["total-bytes-privileged"].integer());
    CHECK(gone.text() == R"({"name":"sda","mountpoint":"/gone","type":"xfs","disk":[{"pci-controller":{"domain":-1,"bus":-1,)"
                         R"("slot":-1,"function":-1},"bus-type":"unknown","bus":0,"target":0,"unit":0,"dev":"/dev/sda"}]})");
    CHECK(*first["mountpoint"].string() == "/");
    CHECK(first["disk"].text() == R"([{"pci-controller":{"domain":0,"bus":0,"slot":2,"function":0},"bus-type":"virtio",)"
                                  R"("bus":0,"target":0,"unit":0,"serial":"QM0001","dev":"/dev/vda"}])");
}

TEST_CASE("qga: disks, partitions and what lies on them", "[qga][reading]")
{
    Guest guest;
    guest.disk("css0/0.0.0001/0.0.00fe/virtio1/block/vda", "254:0");
    guest.partition("css0/0.0.0001/0.0.00fe/virtio1/block/vda", "vda1", "254:1");
    guest.disk("virtual/block/dm-0", "253:0");
    guest.file("sys/devices/virtual/block/dm-0/dm/name", "vg-root\n");

    CHECK(guest.answer("guest-get-disks") ==
          R"([{"name": "/dev/dm-0", "partition": false, "dependencies": [], "alias": "vg-root"}, )"
          R"({"name": "/dev/vda", "partition": false, "dependencies": [], "address": {"pci-controller": )"
          R"({"domain": -1, "bus": -1, "slot": -1, "function": -1}, "bus-type": "virtio", "bus": 0, "target": 0, "unit": 0, )"
          R"("dev": "/dev/vda", "ccw-address": {"cssid": 0, "ssid": 0, "subchno": 1, "devno": 254}}}, )"
          R"({"name": "/dev/vda1", "partition": true, "dependencies": ["/dev/vda"]}])");
}

TEST_CASE("qga: the system's names, by the guest's os-release", "[qga][reading]")
{
    Guest guest;
    guest.file("etc/os-release", "NAME=Old\nID=test; x\nNAME='A \"B\"'\nVARIANT=\"a \\$ \\x \\` b\"\nOTHER=1\n");

    const auto answer = json::parse(guest.answer("guest-get-osinfo"));

    REQUIRE(answer);
    CHECK(*(*answer)["id"].string() == "test");
    CHECK(*(*answer)["name"].string() == "A \"B\"");
    CHECK(*(*answer)["variant"].string() == "a $ \\x ` b");
    CHECK_FALSE(answer->find("version-id"));
    CHECK_FALSE(answer->find("other"));
    for (const char* name : {"kernel-release", "kernel-version", "machine"})
        CHECK_FALSE((*answer)[name].string()->empty());
}

namespace {

std::string zone_file(int east, const std::string& name)  // tzfile(5): one type of local time, and no change of it
{
    const auto number = [](int n) { return std::string{char(n >> 24), char(n >> 16), char(n >> 8), char(n)}; };
    std::string text = "TZif" + std::string(16, '\0');
    for (const int count : {0, 0, 0, 0, 1, int(name.size()) + 1})
        text += number(count);
    return text + number(east) + std::string(2, '\0') + name + '\0';
}

}  // namespace

TEST_CASE("qga: the time zone is looked up afresh each time", "[qga][reading]")
{
    Guest guest;
    guest.file("etc/localtime", zone_file(19800, "IST"));
    CHECK(guest.answer("guest-get-timezone") == R"({"offset": 19800, "zone": "IST"})");
    guest.file("etc/localtime", zone_file(-25200, "PDT"));

    CHECK(guest.answer("guest-get-timezone") == R"({"offset": -25200, "zone": "PDT"})");
}

TEST_CASE("qga: what policy forbids is disabled", "[qga][reading]")
{
    Guest guest;
    guest.loop.policy.deny = true;

    CHECK(guest.answer("guest-get-fsinfo").find("has been disabled") != std::string::npos);
}

TEST_CASE("qga: reading leaves no process and no descriptor behind", "[qga][reading]")
{
    Guest guest;
    guest.file("proc/self/mountinfo", "1 1 254:0 / / rw - ext4 /dev/vda rw\n");
    guest.answer("guest-get-fsinfo");
    REQUIRE(guest.loop.until([] { return children_of_ours().empty(); }));
    const std::size_t before = open_descriptors();

    for (const char* command : {"guest-get-fsinfo", "guest-get-disks", "guest-network-get-interfaces", "guest-get-timezone"})
        guest.answer(command);

    CHECK(guest.loop.until([&] { return open_descriptors() == before && children_of_ours().empty(); }));
}

}  // namespace bellhop::test
