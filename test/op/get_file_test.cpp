// SPDX-License-Identifier: Apache-2.0
#include "op/jobs.hpp"
#include "support/loop.hpp"

#include <sys/stat.h>

using namespace bellhop;
using namespace bellhop::test;

namespace {

std::string drain(Source& source)
{
    std::string text;
    while (source.available() > 0) {
        const ByteView bytes = source.take(source.available());
        if (bytes.empty())
            break;
        text += text_of(bytes);
    }
    return text;
}

}  // namespace

TEST_CASE("get_file: bytes, size and mode", "[get]")
{
    Loop loop;
    TempDir dir;
    const std::string text(GENERATE(std::size_t(0), std::size_t(1), std::size_t(200000)), 'g');
    write_file(dir / "f", text);
    REQUIRE(::chmod((dir / "f").c_str(), 0640) == 0);

    auto file = loop.context.operations.call<op::GetFile>(loop.context, {dir / "f"});

    REQUIRE(file);
    CHECK(file->mode == 0640);
    CHECK(file->size == text.size());
    CHECK(drain(*file->bytes) == text);
}

TEST_CASE("get_file: files that do not know their size are read to their end", "[get]")
{
    Loop loop;
    const std::string path = GENERATE(
        values<std::string>({"/proc/self/status", "/proc/sys/kernel/ostype", "/sys/kernel/mm/transparent_hugepage/enabled"}));
    if (!std::filesystem::exists(path))
        return;

    auto file = loop.context.operations.call<op::GetFile>(loop.context, {path});

    REQUIRE(file);
    CHECK(file->size > 0);
    CHECK(drain(*file->bytes).size() == file->size);
}

TEST_CASE("get_file: what is no regular file is refused, without waiting for it", "[get]")
{
    Loop loop;
    TempDir dir;
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    const std::string path = std::vector<std::string>{dir / "fifo", dir.path(), "/dev/null"}[GENERATE(0u, 1u, 2u)];

    auto file = loop.context.operations.call<op::GetFile>(loop.context, {path});

    REQUIRE_FALSE(file);
    CHECK(file.error().text == "not a regular file");
}

TEST_CASE("get_file: what is missing is told with its errno", "[get]")
{
    Loop loop;

    auto file = loop.context.operations.call<op::GetFile>(loop.context, {"/does/not/exist"});

    REQUIRE_FALSE(file);
    CHECK(file.error().os.value() == ENOENT);
}
