// SPDX-License-Identifier: Apache-2.0
// What the guest is: os-release(5), uname(2), and our own memory.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bellhop::os {

// The members of ROOT/etc/os-release, else ROOT/usr/lib/os-release, as they are named there, in their order. At most 64 KiB are
// read. `instead`: of this file, and of no other.
std::vector<std::pair<std::string, std::string>> os_release(const std::string& root = {}, const std::string& instead = {});
std::vector<std::pair<std::string, std::string>> parse_os_release(std::string text);

struct Kernel {
    std::string release, machine, version, host_name;
};
Kernel kernel();

struct LocalTime {
    std::string zone;             // its abbreviation, now
    std::chrono::seconds east{};  // of UTC
};
// For a child of ours only: it may set the environment, and a C library that has looked once does not look again.
LocalTime local_time(const std::string& root);
std::int64_t resident_kib();  // of this process; -1: /proc is not there

}  // namespace bellhop::os
