// SPDX-License-Identifier: Apache-2.0
#include "os/temp_file.hpp"
#include "support/loop.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace bellhop;
using namespace bellhop::test;

using Name = os::TempFile::Name;

TEST_CASE("temp file: it is not there for others until it is published", "[temp-file]")
{
    TempDir dir;
    Result<os::TempFile> file = os::TempFile::beside(dir / "f", ".t-", GENERATE(Name::at_once, Name::when_whole));
    REQUIRE(file);

    struct stat info;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
        CHECK(entry.path().filename().string().starts_with(".t-"));
        REQUIRE(::stat(entry.path().c_str(), &info) == 0);
        CHECK((info.st_mode & 07777) == 0600);
    }
    REQUIRE(file->write(bytes_of("x")));
    REQUIRE(file->publish());
    CHECK(contents(dir / "f") == "x");
    CHECK(dir.count() == 1);
}

TEST_CASE("temp file: a link at the target is replaced, not followed", "[temp-file]")
{
    TempDir dir;
    write_file(dir / "elsewhere", "safe");
    std::filesystem::create_symlink(dir / "elsewhere", dir / "f");

    Result<os::TempFile> file = os::TempFile::beside(dir / "f", ".t-", GENERATE(Name::at_once, Name::when_whole));
    REQUIRE(file->write(bytes_of("new")));
    REQUIRE(file->publish());

    CHECK(contents(dir / "elsewhere") == "safe");
    CHECK(contents(dir / "f") == "new");
}

TEST_CASE("temp file: a directory that moves away takes its file with it", "[temp-file]")
{
    TempDir dir;
    std::filesystem::create_directory(dir / "a");
    Result<os::TempFile> file = os::TempFile::beside(dir / "a/f", ".t-", GENERATE(Name::at_once, Name::when_whole));
    std::filesystem::rename(dir / "a", dir / "b");

    REQUIRE(file->publish());

    CHECK(std::filesystem::exists(dir / "b/f"));
}

TEST_CASE("temp file: a target that is a directory cannot be replaced, and nothing stays", "[temp-file]")
{
    const Name name = GENERATE(Name::at_once, Name::when_whole);
    TempDir dir;
    std::filesystem::create_directory(dir / "d");
    {
        Result<os::TempFile> file = os::TempFile::beside(dir / "d", ".t-", name);
        REQUIRE(file);
        CHECK_FALSE(file->publish());
    }
    CHECK(dir.count() == 1);
}

TEST_CASE("temp file: who is killed while he writes one leaves nothing", "[temp-file]")
{
    TempDir dir;
    const Fd probe(::open(dir.path().c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
    if (!probe)
        return;  // this file system has no files without a name
    const pid_t pid = ::fork();
    if (pid == 0) {
        Result<os::TempFile> file = os::TempFile::beside(dir / "f", ".t-", Name::when_whole);
        if (file && file->write(bytes_of("half")))
            ::kill(::getpid(), SIGKILL);
        ::_exit(1);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);

    CHECK(WIFSIGNALED(status));
    CHECK(dir.count() == 0);
}

TEST_CASE("temp file: the mode that it was given is that of the file in its place", "[temp-file]")
{
    TempDir dir;

    Result<os::TempFile> file = os::TempFile::beside(dir / "f", ".t-", GENERATE(Name::at_once, Name::when_whole));
    REQUIRE(file);
    REQUIRE(file->set_mode(0640));
    REQUIRE(file->publish());
    struct stat info;
    REQUIRE(::stat((dir / "f").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0640);
    CHECK(dir.count() == 1);
}
