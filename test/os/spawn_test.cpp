// SPDX-License-Identifier: Apache-2.0
// What a child starts with, and that a failure names its step, on both ways of making one.
#include "os/spawn.hpp"
#include "support/loop.hpp"

#include <fcntl.h>
#include <sys/wait.h>

using namespace bellhop;
using namespace bellhop::test;

namespace {

struct Ran {
    std::string output;
    int status = 0;
};

Ran run(os::SpawnPlan plan, os::SpawnBy by)
{
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    plan.output = plan.error = theirs.get();
    Result<os::Child> child = os::spawn(plan, by);
    REQUIRE(child);
    theirs = Fd();
    Ran ran;
    char part[4096];
    for (ssize_t n; (n = ::read(ours.get(), part, sizeof part)) > 0;)
        ran.output.append(part, std::size_t(n));
    REQUIRE(::waitpid(child->pid, &ran.status, 0) == child->pid);
    return ran;
}

}  // namespace

TEST_CASE("spawn: a child has its own session, three descriptors and no signal of ours", "[spawn]")
{
    const auto by = GENERATE(os::SpawnBy::shared_memory, os::SpawnBy::fork);
    const Fd leaks_if_we_let_it(::open("/dev/zero", O_RDONLY));  // without O_CLOEXEC, as an embedder's may be
    ::signal(SIGUSR1, SIG_IGN);
    sigset_t blocked, before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR2);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);

    const Ran signals = run({{"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"}, {}, {}}, by);
    const Ran descriptors = run({{"ls", "/proc/self/fd"}, {}, {}}, by);
    const Ran ran = run({{"sh", "-c", "ps -o sid= -p $$; echo $$; readlink /proc/$$/fd/0"}, {}, {}}, by);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::signal(SIGUSR1, SIG_DFL);

    std::istringstream words(signals.output + ran.output);
    std::string name, blocked_mask, ignored, session, pid, input;
    words >> name >> blocked_mask >> name >> ignored >> session >> pid >> input;
    CHECK(blocked_mask == "0000000000000000");
    CHECK(ignored == "0000000000000000");
    CHECK(descriptors.output == "0\n1\n2\n3\n");  // 3: the listing itself
    CHECK(session == pid);
    CHECK(input == "/dev/null");
}

TEST_CASE("spawn: variables go over ours, a directory is entered", "[spawn]")
{
    const auto by = GENERATE(os::SpawnBy::shared_memory, os::SpawnBy::fork);
    ::setenv("BELLHOP_TEST_KEPT", "kept", 1);
    ::setenv("BELLHOP_TEST_OVER", "old", 1);

    const Ran ran =
        run({{"sh", "-c", "echo $BELLHOP_TEST_KEPT $BELLHOP_TEST_OVER $PWD"}, {"BELLHOP_TEST_OVER=new"}, "/proc"}, by);

    CHECK(ran.output == "kept new /proc\n");
}

TEST_CASE("spawn: a failure names its step and leaves no child", "[spawn]")
{
    const auto by = GENERATE(os::SpawnBy::shared_memory, os::SpawnBy::fork);
    struct Row {
        os::SpawnPlan plan;
        int error;
        std::string text;
    };
    const Row row = GENERATE(values<Row>({
        {{{"/does/not/exist"}, {}, {}, -1, 2, 2}, ENOENT, "exec /does/not/exist: No such file or directory"},
        {{{"does-not-exist"}, {}, {}, -1, 2, 2}, ENOENT, "exec does-not-exist: No such file or directory"},
        {{{"/etc/passwd"}, {}, {}, -1, 2, 2}, EACCES, "exec /etc/passwd: Permission denied"},
        {{{"true"}, {}, "/does/not/exist", -1, 2, 2}, ENOENT, "chdir true: No such file or directory"},
        {{{"true"}, {}, {}, 999, 2, 2}, EBADF, "stdin true: Bad file descriptor"},
        {{{"true"}, {}, {}, -1, 999, 2}, EBADF, "stdout true: Bad file descriptor"},
        {{{"true", std::string(3 << 20, 'x')}, {}, {}, -1, 2, 2}, E2BIG, "exec true: Argument list too long"},
    }));

    Result<os::Child> child = os::spawn(row.plan, by);

    REQUIRE_FALSE(child);
    CHECK(child.error().os.value() == row.error);
    CHECK(child.error().text == row.text);
    CHECK(children_of_ours().empty());
}

TEST_CASE("spawn: a script without an interpreter is the shell's, however many words it is given", "[spawn]")
{
    const auto by = GENERATE(os::SpawnBy::shared_memory, os::SpawnBy::fork);
    TempDir dir;
    write_file(dir / "script", "echo $#");
    std::filesystem::permissions(dir / "script", std::filesystem::perms::owner_all);
    os::SpawnPlan plan;
    plan.argv.assign(20001, "x");  // their pointers alone are ten times the child's stack
    plan.argv[0] = dir / "script";

    CHECK(run(plan, by).output == "20000\n");
}

TEST_CASE("spawn: a name is looked up in PATH, as a shell does", "[spawn]")
{
    TempDir dir;
    std::filesystem::create_directories(dir / "a");
    std::filesystem::create_directories(dir / "b");
    write_file(dir / "a/tool", "not to be run");
    write_file(dir / "b/tool", "#!/bin/sh\necho found $0");
    std::filesystem::permissions(dir / "b/tool", std::filesystem::perms::owner_all);
    const std::string before = ::getenv("PATH");
    ::setenv("PATH", ((dir / "none") + ":" + (dir / "a") + ":" + (dir / "b")).c_str(), 1);

    const Ran ran = run({{"tool"}, {}, {}}, os::SpawnBy::shared_memory);
    std::filesystem::permissions(dir / "b/tool", std::filesystem::perms::owner_read);
    Result<os::Child> denied = os::spawn({{"tool"}, {}, {}, -1, 2, 2});
    ::setenv("PATH", before.c_str(), 1);

    CHECK(ran.output == "found " + (dir / "b/tool") + "\n");
    REQUIRE_FALSE(denied);
    CHECK(denied.error().kind == Error::Kind::denied);
}

TEST_CASE("spawn: a handler of ours never runs in the child", "[spawn]")
{
    static volatile sig_atomic_t in_wrong_process = 0;
    static pid_t us = ::getpid();
    ::signal(SIGUSR1, [](int) { in_wrong_process = in_wrong_process || ::getpid() != us; });
    for (int i = 0; i < 50; ++i) {
        ::raise(SIGUSR1);
        run({{"true"}, {}, {}}, os::SpawnBy::shared_memory);
    }
    ::signal(SIGUSR1, SIG_DFL);

    CHECK_FALSE(in_wrong_process);
}
