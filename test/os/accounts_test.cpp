// SPDX-License-Identifier: Apache-2.0
#include "os/accounts.hpp"
#include "os/shadow.hpp"
#include "support/loop.hpp"

#include <bellhop/secret.hpp>

#include <sys/stat.h>
#include <unistd.h>

using namespace bellhop;
using namespace bellhop::test;

namespace {

struct Etc : TempDir {
    Etc()
    {
        std::filesystem::create_directory(*this / "etc");
        write("passwd",
              "# old\nroot:x:0:0:root:/root:/bin/sh\nbroken:x:1\nnumber:x:one:1::/:\nalice:x:1000:100:A,,,:/home/alice:/bin/zsh");
        write("group",
              "users:x:100:\nwheel:x:10:bob,alice\nbroken:x\nalices:x:1001:alice2\naudio:x:29:alice\nagain:x:29:alice\n");
    }
    void write(const std::string& name, const std::string& text) { write_file(*this / ("etc/" + name), text); }
};

}  // namespace

TEST_CASE("accounts: who is in /etc/passwd, and in which groups", "[accounts]")
{
    const Etc root;

    const auto alice = os::find_account(root.path(), "alice");

    REQUIRE(alice);
    CHECK(alice->uid == 1000);
    CHECK(alice->gid == 100);
    CHECK(alice->home == "/home/alice");
    CHECK(alice->shell == "/bin/zsh");
    CHECK(os::groups_of(root.path(), *alice) == std::vector<gid_t>{100, 10, 29});
}

TEST_CASE("accounts: a line that is none, or a name that is part of one, is nobody", "[accounts]")
{
    const Etc root;
    const std::string name = GENERATE("broken", "number", "ali", "alice:x", "", "# old", "alice\n");
    CAPTURE(name);

    const auto nobody = os::find_account(root.path(), name);

    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().kind == Error::Kind::not_found);
}

TEST_CASE("accounts: a shadow line is changed alone, and one that is missing is added", "[accounts]")
{
    const Etc root;
    write_file(root / "etc/shadow", "alicea:x:1::::::\nalice:old\nroot::::::::\n");

    REQUIRE(os::set_shadow_password(root.path(), "alice", "$6$new"));

    const std::string day = std::to_string(::time(nullptr) / 86400);
    CHECK(contents(root / "etc/shadow") == "alicea:x:1::::::\nalice:$6$new:" + day + ":0:99999:7:::\nroot::::::::\n");

    write_file(root / "etc/shadow", "root::::::::\n");
    REQUIRE(os::set_shadow_password(root.path(), "alice", "*"));
    CHECK(contents(root / "etc/shadow") == "root::::::::\nalice:*:" + day + ":0:99999:7:::\n");
}

TEST_CASE("accounts: there is no password for who is nobody, and no shadow file where there was none", "[accounts]")
{
    const Etc root;

    CHECK_FALSE(os::set_shadow_password(root.path(), "alice", "*"));
    write_file(root / "etc/shadow", "root::::::::\n");
    CHECK_FALSE(os::set_shadow_password(root.path(), "bob", "*"));
    CHECK(contents(root / "etc/shadow") == "root::::::::\n");
}

TEST_CASE("secret: what it held is wiped, in the text that it came from, too", "[accounts]")
{
    const std::string text = GENERATE("short", "a password that is too long for the place that a small text has in its string");
    std::string source = text;
    const char* const small = source.data();

    Secret first(std::move(source));
    Secret second(std::move(first));

    CHECK(second.view() == text);
    CHECK(first.view().empty());
    if (text.size() < 15)
        CHECK(std::string_view(small, text.size()) == std::string(text.size(), '\0'));
}
