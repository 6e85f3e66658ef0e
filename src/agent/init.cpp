// SPDX-License-Identifier: Apache-2.0
// The signals are those of BusyBox init, whose halt, poweroff and reboot send them: SIGUSR1, SIGUSR2, SIGTERM; SIGINT is the
// kernel's for Ctrl-Alt-Del, SIGPWR a container manager's for its end. kill(2), mount(2), umount(2), reboot(2),
// pid_namespaces(7).
#include "agent/init.hpp"

#include "os/errors.hpp"

#include <bellhop/fd.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bellhop {
namespace {

constexpr std::chrono::seconds killed_are_gone_in{1}, disks_are_at_rest_in{60}, reboot_takes{10};

// ---- the beginning

constexpr struct Mount {
    const char *path, *type;
    unsigned long flags;
    const char *options, *sign, *without;  // sign: what is there when it is, mounted or not
} mounts[] = {
    {"/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr, "/proc/self",
     "info knows little, and orphans may stay zombies for a while"},
    {"/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr, "/sys/kernel", "commands cannot look at devices"},
    {"/dev", "devtmpfs", MS_NOSUID, "mode=0755", "/dev/null", "commands cannot run, as they begin with /dev/null"},
    {"/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755", "/run/.", "there is no place for sockets"},
};

bool is_mount_point(const char* path)
{
    constexpr std::uint64_t mount_root = 0x2000;  // STATX_ATTR_MOUNT_ROOT, since Linux 5.8; older C libraries do not name it
    struct statx there {};
    if (::statx(AT_FDCWD, path, 0, 0, &there) == 0 && (there.stx_attributes_mask & mount_root))
        return there.stx_attributes & mount_root;
    struct stat root {
    }, inner{};
    return ::stat("/", &root) == 0 && ::stat(path, &inner) == 0 && root.st_dev != inner.st_dev;
}

// On a machine of our own all four are mount points; what a container has of them is its manager's choice.
std::vector<std::string> mount_what_is_missing(bool machine)
{
    std::vector<std::string> lacking;
    for (const Mount& one : mounts) {
        if (machine ? is_mount_point(one.path) : ::access(one.sign, F_OK) == 0)
            continue;
        ::mkdir(one.path, 0755);
        if (::mount(one.type, one.path, one.type, one.flags, one.options) == 0)
            continue;
        const std::string why = os::failure(std::string("no ") + one.path + ", and it cannot be mounted").text;
        if (::access(one.sign, F_OK) != 0)
            lacking.push_back(why + ": " + one.without);
    }
    return lacking;
}

// ---- the end

// -1: all children, which are all processes there are, since orphans become ours. SIGCHLD is blocked.
bool gone_within(std::chrono::milliseconds time, pid_t pid)
{
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    for (const auto until = std::chrono::steady_clock::now() + time;;) {
        pid_t reaped;
        while ((reaped = ::waitpid(pid, nullptr, WNOHANG)) > 0)
            continue;
        if (reaped < 0)
            return true;
        const auto left = std::chrono::nanoseconds(until - std::chrono::steady_clock::now()).count();
        if (left <= 0)
            return false;
        const timespec rest{time_t(left / 1'000'000'000), long(left % 1'000'000'000)};
        ::sigtimedwait(&child, nullptr, &rest);
    }
}

void end_all_others(std::chrono::milliseconds grace)
{
    ::kill(-1, SIGTERM);
    ::kill(-1, SIGCONT);  // one that is stopped hears nothing else
    if (gone_within(grace, -1))
        return;
    ::kill(-1, SIGKILL);
    gone_within(killed_are_gone_in, -1);
}

// What may hang for ever (a file server that is gone) hangs a child. And whoever calls reboot(2) may be made to exit by it.
template <class Work> void in_child(std::chrono::milliseconds limit, Work work)
{
    const pid_t pid = ::fork();
    if (pid <= 0)
        work();
    if (pid == 0)
        ::_exit(0);
    if (pid > 0)
        gone_within(limit, pid);
}

std::string mount_table()
{
    std::string text;
    const Fd file(::open("/proc/self/mounts", O_RDONLY | O_CLOEXEC));
    char part[4096];
    for (ssize_t n; file && (n = ::read(file.get(), part, sizeof part)) > 0;)
        text.append(part, std::size_t(n));
    return text;
}

std::string unescaped(std::string_view field)  // proc(5): blanks and backslashes are \ooo
{
    std::string text;
    for (std::size_t at = 0; at < field.size(); ++at)
        if (field[at] == '\\' && at + 3 < field.size()) {
            text += char((field[at + 1] - '0') << 6 | (field[at + 2] - '0') << 3 | (field[at + 3] - '0'));
            at += 3;
        } else
            text += field[at];
    return text;
}

void put_disks_to_rest()
{
    ::sync();
    std::vector<std::string> points;
    const std::string table = mount_table();
    for (std::size_t at = 0; at < table.size(); at = std::min(table.find('\n', at), table.size() - 1) + 1) {
        const std::size_t point = table.find(' ', at) + 1;
        points.push_back(unescaped(std::string_view(table).substr(point, table.find(' ', point) - point)));
    }
    std::reverse(points.begin(), points.end());
    for (const std::string& point : points)
        if (::umount2(point.c_str(), UMOUNT_NOFOLLOW) < 0)
            ::mount(nullptr, point.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr);
}

}  // namespace

// Ctrl-Alt-Del becomes a SIGINT. A container's process 1 is told apart by that: in its namespace reboot(2) knows no such command.
Init::Init() : machine_(::reboot(RB_DISABLE_CAD) == 0), lacking_(mount_what_is_missing(machine_))
{
    ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0);  // kernels give none
}

void Init::on_signal(int number)
{
    if (number == SIGUSR1)
        last_ = RB_HALT_SYSTEM;
    else if (number == SIGUSR2 || number == SIGPWR)
        last_ = RB_POWER_OFF;
    else if (number == SIGINT || machine_)
        last_ = RB_AUTOBOOT;
}

int Init::end(int status)
{
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    end_all_others(grace_);
    if (machine_)
        in_child(disks_are_at_rest_in, put_disks_to_rest);
    if (machine_ && last_ == 0)
        last_ = RB_POWER_OFF;
    if (last_ != 0)
        in_child(reboot_takes, [this] { ::reboot(last_); });
    while (machine_)
        ::pause();
    return status;
}

}  // namespace bellhop
