// SPDX-License-Identifier: Apache-2.0
#include "os/temp_file.hpp"
#include "support/loop.hpp"

#include <sys/stat.h>

using namespace bellhop;
using namespace bellhop::test;

TEST_CASE("temp file: it is not there for others until it is published", "[temp-file]")
{
    TempDir dir;
    Result<os::TempFile> file = os::TempFile::beside(dir / "f", ".t-");
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

    Result<os::TempFile> file = os::TempFile::beside(dir / "f", ".t-");
    REQUIRE(file->write(bytes_of("new")));
    REQUIRE(file->publish());

    CHECK(contents(dir / "elsewhere") == "safe");
    CHECK(contents(dir / "f") == "new");
}

TEST_CASE("temp file: a directory that moves away takes its file with it", "[temp-file]")
{
    TempDir dir;
    std::filesystem::create_directory(dir / "a");
    Result<os::TempFile> file = os::TempFile::beside(dir / "a/f", ".t-");
    std::filesystem::rename(dir / "a", dir / "b");

    REQUIRE(file->publish());

    CHECK(std::filesystem::exists(dir / "b/f"));
}

TEST_CASE("temp file: a target that is a directory cannot be replaced, and nothing stays", "[temp-file]")
{
    TempDir dir;
    std::filesystem::create_directory(dir / "d");
    {
        Result<os::TempFile> file = os::TempFile::beside(dir / "d", ".t-");
        REQUIRE(file);
        CHECK_FALSE(file->publish());
    }
    CHECK(dir.count() == 1);
}
