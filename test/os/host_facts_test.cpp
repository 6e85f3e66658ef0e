// SPDX-License-Identifier: Apache-2.0
#include "os/host_facts.hpp"
#include "support/catch.hpp"

using namespace bellhop;

TEST_CASE("os-release: names and values as the man page has them", "[facts]")
{
    const auto members = os::parse_os_release("# a comment\nID=debian\nNAME=\"Debian GNU/Linux\"\nODD='single \\ quoted'\n"
                                              "ESCAPED=\"a \\\"b\\\" \\$c\"\nEMPTY=\n=nothing\nnonsense\nLAST=\"no newline\"");

    CHECK(members == decltype(members){{"ID", "debian"},
                                       {"NAME", "Debian GNU/Linux"},
                                       {"ODD", "single \\ quoted"},
                                       {"ESCAPED", "a \"b\" $c"},
                                       {"EMPTY", ""},
                                       {"LAST", "no newline"}});
}

TEST_CASE("os-release: what is cut short does no harm", "[facts]")
{
    for (const char* text : {"", "\n", "A=\"", "A=\\", "A='x\nB=y", "=", "A"})
        CHECK(os::parse_os_release(text).size() <= 2);
}

TEST_CASE("facts: the kernel, and our own memory", "[facts]")
{
    CHECK_FALSE(os::kernel().release.empty());
    CHECK_FALSE(os::kernel().machine.empty());
    CHECK(os::resident_kib() > 100);
}
