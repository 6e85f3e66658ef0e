// SPDX-License-Identifier: Apache-2.0
#include "os/logins.hpp"
#include "support/guest_tree.hpp"

#include <cstring>

#ifdef __GLIBC__
#include <utmp.h>
#endif

using namespace bellhop;
using std::chrono::microseconds;
using test::GuestTree;

namespace {

std::vector<std::pair<std::string, std::int64_t>> pairs(const std::vector<op::Users::User>& users)
{
    std::vector<std::pair<std::string, std::int64_t>> all;
    for (const op::Users::User& user : users)
        all.emplace_back(user.name, user.since.count());
    return all;
}
using Pairs = std::vector<std::pair<std::string, std::int64_t>>;

}  // namespace

#ifdef __GLIBC__
namespace {

std::string record(short type, const char* name, int seconds, int rest)
{
    utmp one{};
    one.ut_type = type;
    std::strncpy(one.ut_user, name, sizeof one.ut_user);
    one.ut_tv.tv_sec = seconds;
    one.ut_tv.tv_usec = rest;
    return {reinterpret_cast<const char*>(&one), sizeof one};
}

}  // namespace

TEST_CASE("logins: each user of utmp once, with the earliest login", "[logins]")
{
    const std::string records = record(BOOT_TIME, "reboot", 1, 0) + record(USER_PROCESS, "alice", 1700000005, 0) +
                                record(USER_PROCESS, "bob", 1700000001, 7) + record(DEAD_PROCESS, "carol", 5, 0) +
                                record(USER_PROCESS, "alice", 1700000000, 654321) + record(USER_PROCESS, "alice", 1700000009, 0);

    CHECK(pairs(os::parse_utmp(records)) == Pairs{{"alice", 1700000000654321}, {"bob", 1700000001000007}});
}

TEST_CASE("logins: a name may fill its place, and a file may end within a record", "[logins]")
{
    const std::string name(32, 'n');
    const std::string records = record(USER_PROCESS, name.c_str(), 1, 0);

    CHECK(pairs(os::parse_utmp(records)) == Pairs{{name, 1000000}});
    for (std::size_t length = 0; length < records.size(); ++length)
        CHECK(os::parse_utmp(records.substr(0, length)).empty());
}

TEST_CASE("logins: utmp counts before logind", "[logins]")
{
    const GuestTree guest;
    guest.file("run/systemd/sessions/1", "USER=bob\nCLASS=user\nREALTIME=5\n");
    guest.file("run/utmp", record(USER_PROCESS, "alice", 1, 0));

    CHECK(pairs(os::logins(guest.root())) == Pairs{{"alice", 1000000}});
}
#endif

TEST_CASE("logins: without utmp, the sessions of logind that are people's", "[logins]")
{
    const GuestTree guest;
    guest.file("run/systemd/sessions/3",
               "# This is private data.\nUID=1000\nUSER=alice\nSTATE=active\nCLASS=user\nREALTIME=1700000009000000\n");
    guest.file("run/systemd/sessions/12", "USER=alice\nCLASS=user\nREALTIME=1700000000654321\n");
    guest.file("run/systemd/sessions/c1", "USER=gdm\nCLASS=greeter\nREALTIME=1700000000000000\n");
    guest.file("run/systemd/sessions/4", "USER=bob\nSTATE=closing\nCLASS=user\nREALTIME=1700000000000000\n");
    guest.file("run/systemd/sessions/5", "USER=carol\nCLASS=user\nREALTIME=soon\n");
    guest.file("run/systemd/sessions/6.ref", "USER=dave\nCLASS=user\nREALTIME=1\n");

    CHECK(pairs(os::logins(guest.root())) == Pairs{{"alice", 1700000000654321}});
}

TEST_CASE("logins: a guest that keeps no list has nobody", "[logins]")
{
    CHECK(os::logins(GuestTree().root()).empty());
}
