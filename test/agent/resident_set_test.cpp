// SPDX-License-Identifier: Apache-2.0
#include "agent/resident_set.hpp"
#include "support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <string>

using namespace bellhop;

namespace {

int written = 1;

long resident_text()  // KiB
{
    const std::string program = std::filesystem::read_symlink("/proc/self/exe");
    std::ifstream maps("/proc/self/smaps");
    long all = 0;
    bool text = false;
    for (std::string line; std::getline(maps, line);)
        if (line.find(" r-xp ") != line.npos || line.find("-p ") != line.npos)
            text = line.find(" r-xp ") != line.npos && line.ends_with(program);
        else if (text && line.starts_with("Rss:"))
            all += std::stol(line.substr(4));
    return all;
}

}  // namespace

TEST_CASE("resident set: text goes and comes back, and what was written stays", "[memory]")
{
    written = 4711;
    const std::string on_stack(100, 'x');
    const long before = resident_text();

    shrink_resident_set();

    CHECK(resident_text() < before / 2);
    CHECK(written == 4711);
    CHECK(on_stack == std::string(100, 'x'));
}
