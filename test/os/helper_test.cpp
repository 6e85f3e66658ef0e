// SPDX-License-Identifier: Apache-2.0
#include "os/helper.hpp"
#include "support/catch.hpp"

#include <charconv>
#include <chrono>
#include <csignal>

using namespace bellhop;
using namespace std::chrono_literals;

TEST_CASE("helper: it gets its input, and what it said and how it ended comes back", "[helper]")
{
    const auto end = os::run_helper({"/bin/sh", "-c", "cat; echo oops >&2; exit 3"}, "word\n");

    REQUIRE(end);
    CHECK(end->code == 3);
    CHECK(end->errors == "oops\n");
    CHECK(end->output.size() == 10);
    CHECK(end->output.find("word\n") != std::string::npos);
}

TEST_CASE("helper: what it leaves running is not waited for, and nothing that it said is lost", "[helper]")
{
    const auto before = std::chrono::steady_clock::now();

    const auto end = os::run_helper({"/bin/sh", "-c", "sleep 30 & echo $! >&2; head -c 50000 /dev/zero; exit 7"}, "not read");

    REQUIRE(end);
    CHECK(std::chrono::steady_clock::now() - before < 15s);
    CHECK(end->code == 7);
    CHECK(end->output.size() == 50000 + end->errors.size());
    pid_t left = 0;
    std::from_chars(end->errors.data(), end->errors.data() + end->errors.size(), left);
    REQUIRE(left > 0);
    CHECK(::kill(left, SIGKILL) == 0);
}
