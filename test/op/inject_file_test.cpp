// SPDX-License-Identifier: Apache-2.0
#include "op/jobs.hpp"
#include "support/guest_tree.hpp"
#include "support/loop.hpp"

#include <bellhop/op/hostname.hpp>
#include <bellhop/op/set_password.hpp>

#include <sys/stat.h>

using namespace bellhop;
using namespace bellhop::test;

namespace {

template <class Op> std::string asked(Loop& loop, typename Op::Request request)  // "": it was done
{
    std::optional<Result<typename Op::Answer>> answer;
    auto lease =
        loop.context.operations.ask<Op>(loop.context, std::move(request), [&](auto found) { answer = std::move(found); });
    if (!lease)
        return lease.error().text;
    CHECK_FALSE(answer);
    REQUIRE(loop.until([&] { return answer.has_value(); }));
    return *answer ? "" : answer->error().text;
}

std::string inject(Loop& loop, std::string path, std::string data)
{
    return asked<op::InjectFile>(loop, {std::move(path), std::move(data)});
}

struct stat facts(const std::string& path)
{
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info;
}

std::vector<std::string> names_in(const std::string& folder)
{
    std::vector<std::string> names;
    for (const auto& one : std::filesystem::directory_iterator(folder))
        names.push_back(one.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

TEST_CASE("inject_file: missing folders are made, and a new file is its owner's alone", "[inject]")
{
    Loop loop;
    GuestTree tree;
    std::string data;
    for (int i = 0; i < 2048; ++i)
        data += char(i * 31);

    CHECK(inject(loop, tree / "root/.ssh/authorized_keys", data).empty());

    CHECK(contents(tree / "root/.ssh/authorized_keys") == data);
    CHECK((facts(tree / "root/.ssh/authorized_keys").st_mode & 07777) == 0600);
    CHECK(names_in(tree / "root/.ssh") == std::vector<std::string>{"authorized_keys"});
}

TEST_CASE("inject_file: who replaces a file keeps its mode, its owner and a backup", "[inject]")
{
    Loop loop;
    GuestTree tree;
    tree.file("f", "old");
    const bool root = ::getuid() == 0;
    REQUIRE(::chmod((tree / "f").c_str(), 0666) == 0);
    if (root)
        REQUIRE(::chown((tree / "f").c_str(), 7, 8) == 0);

    CHECK(inject(loop, tree / "f", "new").empty());
    CHECK(inject(loop, tree / "f", "newer").empty());

    CHECK(contents(tree / "f") == "newer");
    CHECK((facts(tree / "f").st_mode & 07777) == 0666);
    CHECK(facts(tree / "f").st_uid == (root ? 7 : ::getuid()));
    CHECK(facts(tree / "f").st_gid == (root ? 8 : ::getgid()));
    const std::vector<std::string> names = names_in(tree.root());
    REQUIRE(names.size() == 3);  // two in one second are two
    CHECK(names[1].ends_with(".bak"));
    CHECK(contents(tree / names[1]) == "old");
    CHECK(contents(tree / names[2]) == "new");
}

TEST_CASE("inject_file: a link is replaced, kept as the backup, and not written through", "[inject]")
{
    Loop loop;
    GuestTree tree;
    tree.file("target", "old");
    const bool dangling = GENERATE(true, false);
    const std::string leads_to = tree / (dangling ? "nowhere" : "target");
    tree.link("f", leads_to);

    CHECK(inject(loop, tree / "f", "new").empty());

    CHECK(std::filesystem::is_regular_file(std::filesystem::symlink_status(tree / "f")));
    CHECK(contents(tree / "f") == "new");
    CHECK(contents(tree / "target") == "old");
    const std::vector<std::string> names = names_in(tree.root());
    REQUIRE(names.size() == 3);
    CHECK(names[1].ends_with(".bak"));
    CHECK(std::filesystem::read_symlink(tree / names[1]) == leads_to);
}

TEST_CASE("inject_file: what cannot be written leaves nothing", "[inject]")
{
    Loop loop;
    GuestTree tree;
    tree.folder("folder");
    tree.file("file", "x");
    CHECK(inject(loop, tree / "folder", "y").find("Is a directory") != std::string::npos);
    CHECK(inject(loop, tree / "file/below", "y").find("Not a directory") != std::string::npos);
    for (const std::string& path :
         {std::string(), std::string("relative"), std::string("/"), tree / "folder/", std::string("/a\0b", 4)})
        CHECK(inject(loop, path, "y").find("is not the absolute path of a file") != std::string::npos);
    CHECK(names_in(tree.root()) == std::vector<std::string>{"file", "folder"});
    CHECK(contents(tree / "file") == "x");
    CHECK(names_in(tree / "folder").empty());
}

TEST_CASE("inject_file: nothing is written while file systems are frozen, nor is a host name or a password", "[inject]")
{
    Loop loop;
    GuestTree tree;
    loop.config.root = tree.root();
    tree.folder("etc");
    loop.registry.guest().frozen.set(op::Frozen::State::frozen);
    CHECK(inject(loop, "/f", "y") == "file systems are frozen");
    CHECK(asked<op::SetHostname>(loop, {"web-1"}) == "file systems are frozen");
    CHECK(asked<op::SetPassword>(loop, {"root", Secret("x")}) == "file systems are frozen");
    loop.registry.guest().frozen.set(op::Frozen::State::thawed);
    CHECK(inject(loop, "/f", "y").empty());
    CHECK(contents(tree / "f") == "y");  // below the root that the agent was given
}

TEST_CASE("set_hostname: by hostnamectl, else by its file, and no other words", "[inject]")
{
    Loop loop;
    GuestTree tree;
    loop.config.root = tree.root();
    tree.file("etc/hostname", "old\n");
    CHECK(asked<op::SetHostname>(loop, {"web-1.example.org"}).empty());
    CHECK(contents(tree / "etc/hostname") == "web-1.example.org\n");
    CHECK((facts(tree / "etc/hostname").st_mode & 07777) == 0644);

    tree.file("usr/bin/hostnamectl", "#!/bin/sh\necho \"$@\" > " + (tree / "called") + "\n");
    REQUIRE(::chmod((tree / "usr/bin/hostnamectl").c_str(), 0755) == 0);
    CHECK(asked<op::SetHostname>(loop, {"db"}).empty());
    CHECK(contents(tree / "called") == "set-hostname db\n");
    CHECK(contents(tree / "etc/hostname") == "web-1.example.org\n");

    tree.file("usr/bin/hostnamectl", "#!/bin/sh\nexit 1\n");
    CHECK(asked<op::SetHostname>(loop, {"db"}).empty());
    CHECK(contents(tree / "etc/hostname") == "db\n");

    for (const std::string& name :
         {std::string(), std::string("-x"), std::string(".x"), std::string("a b"), std::string("a\nb"), std::string(65, 'a')})
        CHECK(asked<op::SetHostname>(loop, {name}).find("is not a host name") != std::string::npos);
}
