// SPDX-License-Identifier: Apache-2.0
#include "os/space.hpp"
#include "support/loop.hpp"

#include <sys/wait.h>

using namespace bellhop;
using namespace std::chrono_literals;
using test::TempDir;

namespace {

std::optional<os::Space> pretended(const std::string& directory)
{
    while (directory == "hangs")
        ::pause();
    if (directory == "dies")
        ::_exit(1);
    if (directory == "refuses")
        return std::nullopt;
    return os::Space{directory.size(), 100, 200};
}

}  // namespace

TEST_CASE("space: a directory's file system", "[space]")
{
    const TempDir folder;
    const auto space = os::space_of(folder.path());

    REQUIRE(space);
    CHECK(space->used <= space->total);
    CHECK(space->total <= space->privileged);
    CHECK_FALSE(os::space_of(folder / "nothing"));
}

TEST_CASE("space: one that hangs, refuses or dies costs its own answer only", "[space]")
{
    const std::size_t before = test::open_descriptors();

    const auto spaces = os::spaces_of({"a", "hangs", "bb", "refuses", "dies", "hangs", "ccc"}, 200ms, 60s, &pretended);

    REQUIRE(spaces.size() == 7);
    for (const std::size_t i : {1, 3, 4, 5})
        CHECK_FALSE(spaces[i]);
    REQUIRE((spaces[0] && spaces[2] && spaces[6]));
    CHECK(spaces[0]->used == 1);
    CHECK(spaces[2]->used == 2);
    CHECK(spaces[6]->used == 3);
    CHECK(spaces[6]->privileged == 200);
    CHECK(test::open_descriptors() == before);
    for (const pid_t killed : test::children_of_ours())  // a slow machine has not let go of them yet
        CHECK(::waitpid(killed, nullptr, 0) == killed);
}

TEST_CASE("space: when the time of all is over, nobody is asked any more", "[space]")
{
    const auto begin = std::chrono::steady_clock::now();

    const auto spaces = os::spaces_of({"a", "hangs", "hangs", "hangs"}, 60s, 100ms, &pretended);

    REQUIRE(spaces.size() == 4);
    CHECK(spaces[0]);
    CHECK_FALSE((spaces[1] || spaces[2] || spaces[3]));
    CHECK(std::chrono::steady_clock::now() - begin < 30s);
}
