// SPDX-License-Identifier: Apache-2.0
#include "op/jobs.hpp"
#include "support/guest_tree.hpp"
#include "support/loop.hpp"

#include <bellhop/op/register_rhn.hpp>

#include <sys/stat.h>

using namespace bellhop;
using namespace bellhop::test;

namespace {

struct Rhn {
    Loop loop;
    GuestTree tree;

    explicit Rhn(const std::string& program)
    {
        loop.config.root = tree.root();
        tree.file("etc/sysconfig/rhn/systemid", "of before");
        if (program.empty())
            return;
        tree.file("usr/sbin/rhnreg_ks", "#!/bin/sh\n" + program + "\n");
        REQUIRE(::chmod((tree / "usr/sbin/rhnreg_ks").c_str(), 0755) == 0);
    }
    std::string registers(std::vector<std::string> domains, std::string key = "the-key", std::string profile = "the profile")
    {
        std::optional<Result<op::RegisterRhn::Answer>> answer;
        auto lease = loop.context.operations.ask<op::RegisterRhn>(
            loop.context, {Secret(std::move(key)), std::move(profile), std::move(domains)},
            [&](auto found) { answer = std::move(found); });
        if (!lease)
            return lease.error().text;
        REQUIRE(loop.until([&] { return answer.has_value(); }));
        return *answer ? std::to_string((*answer)->status) : answer->error().text;
    }
    std::string up2date() { return contents(tree / "etc/sysconfig/rhn/up2date"); }
    bool known() { return std::filesystem::exists(tree / "etc/sysconfig/rhn/systemid"); }
};

}  // namespace

TEST_CASE("register_rhn: the settings name each server, and the program is called as nova-agent did", "[rhn]")
{
    Rhn rhn("printf '%s\\n' \"$@\" > \"${0%/*}/called\"; printf '%s' \"$HOME$USER$LANG\" > \"${0%/*}/environment\"");

    CHECK(rhn.registers({"one.example", "two.example"}) == "0");

    CHECK(rhn.up2date() == "# written by bellhop-agent\n"
                           "versionOverride=\n"
                           "enableProxyAuth=0\n"
                           "networkRetries=5\n"
                           "hostedWhitelist=\n"
                           "enableProxy=0\n"
                           "serverURL=https://one.example/XMLRPC;https://two.example/XMLRPC;\n"
                           "proxyPassword=\n"
                           "noSSLServerURL=http://one.example/XMLRPC;http://two.example/XMLRPC;\n"
                           "proxyUser=\n"
                           "disallowConfChanges=noReboot;sslCACert;useNoSSLForPackages;noSSLServerURL;serverURL;"
                           "disallowConfChanges;\n"
                           "sslCACert=/usr/share/rhn/RHN-ORG-TRUSTED-SSL-CERT\n"
                           "debug=0\n"
                           "httpProxy=\n"
                           "systemIdPath=/etc/sysconfig/rhn/systemid\n"
                           "noReboot=0\n");
    CHECK_FALSE(rhn.known());
    CHECK(contents(rhn.tree / "usr/sbin/called") == "--activationkey\nthe-key\n--profile\nthe profile\n--force\n");
    CHECK(contents(rhn.tree / "usr/sbin/environment").empty());
}

TEST_CASE("register_rhn: the status is that of wait(2), and a program that is not there is an error", "[rhn]")
{
    CHECK(Rhn("exit 3").registers({"d"}) == "768");
    CHECK(Rhn("kill -9 $$").registers({"d"}) == "9");
    CHECK(Rhn("").registers({"d"}).find("rhnreg_ks: No such file or directory") != std::string::npos);
}

TEST_CASE("register_rhn: what is no server's name changes nothing", "[rhn]")
{
    Rhn rhn("exit 0");
    for (const char* domain : {"", "a b", "a;b", "a\nb", "a\x7f", "\xc3\xa4"})
        CHECK(rhn.registers({"good", domain}).find("are no names of servers") != std::string::npos);
    CHECK(rhn.registers({}).find("are no names of servers") != std::string::npos);
    CHECK(rhn.registers({"d"}, std::string("k\0k", 3)).find("are no names of servers") != std::string::npos);
    CHECK(rhn.registers({"d"}, "k", std::string("p\0p", 3)).find("are no names of servers") != std::string::npos);
    rhn.loop.registry.guest().frozen.set(op::Frozen::State::frozen);
    CHECK(rhn.registers({"d"}) == "file systems are frozen");
    CHECK(rhn.known());
    CHECK_FALSE(std::filesystem::exists(rhn.tree / "etc/sysconfig/rhn/up2date"));
}
