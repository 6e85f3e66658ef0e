// SPDX-License-Identifier: Apache-2.0
// proc_pid_mountinfo(5): "ID PARENT MAJOR:MINOR ROOT DIRECTORY OPTIONS [TAG...] - TYPE SOURCE OPTIONS", with blanks, newlines and
// backslashes in octal. Sources are asked for their number only where a disk's file system hides it; that asks devtmpfs, which
// does not hang. The kernel tells of changes by POLLPRI.
#include "os/mounts.hpp"

#include "os/text_file.hpp"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <utility>

namespace bellhop::os {
namespace {

constexpr std::size_t most_mountinfo = 16 << 20;

std::string unescaped(std::string_view word)
{
    std::string plain;
    for (std::size_t at = 0; at < word.size(); ++at) {
        unsigned code = 0;
        const std::string_view digits = word.substr(at, 4);
        if (word[at] == '\\' && digits.size() == 4 &&
            std::from_chars(&digits[1], &digits[1] + 3, code, 8).ptr == &digits[1] + 3) {
            plain += char(code);
            at += 3;
        } else
            plain += word[at];
    }
    return plain;
}

bool read_number(std::string_view word, Mount& mount)
{
    const char* end = word.data() + word.size();
    const auto major = std::from_chars(word.data(), end, mount.major);
    return major.ec == std::errc() && major.ptr != end && *major.ptr == ':' &&
           std::from_chars(major.ptr + 1, end, mount.minor).ptr == end;
}

bool read_line(std::string_view line, Mount& mount)
{
    next_word(line);
    next_word(line);
    const std::string_view number = next_word(line);
    next_word(line);
    mount.directory = unescaped(next_word(line));
    for (std::string_view word = next_word(line); word != "-"; word = next_word(line))
        if (word.empty())
            return false;
    mount.type = unescaped(next_word(line));
    mount.device = unescaped(next_word(line));
    return read_number(number, mount);
}

bool on_disk(Mount& mount, const std::string& root)
{
    if (mount.major != 0)
        return true;
    struct stat source;
    if (mount.type != "btrfs" || ::stat((root + mount.device).c_str(), &source) < 0 || !S_ISBLK(source.st_mode))
        return false;
    mount.major = major(source.st_rdev);
    mount.minor = minor(source.st_rdev);
    return true;
}

}  // namespace

Result<std::vector<Mount>> all_mounts(const std::string& root)
{
    const Result<std::string> text = text_of_file(root + "/proc/self/mountinfo", most_mountinfo);
    if (!text)
        return text.error();
    std::vector<Mount> mounts;
    for (std::string_view rest = *text; !rest.empty();)
        if (Mount mount; read_line(next_line(rest), mount))
            mounts.push_back(std::move(mount));
    return mounts;
}

MountChanges::MountChanges() : list_(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)) {}

bool MountChanges::any()
{
    pollfd question{list_.get(), POLLPRI, 0};
    const bool known = list_ && std::exchange(asked_, true) && ::poll(&question, 1, 0) >= 0;
    return !known || question.revents != 0;
}

Result<std::vector<Mount>> disk_mounts(const std::string& root)
{
    Result<std::vector<Mount>> all = all_mounts(root);
    if (!all)
        return all;
    std::vector<Mount> mounts;
    for (Mount& mount : *all) {
        const bool known = on_disk(mount, root);
        const bool again = std::any_of(mounts.begin(), mounts.end(), [&](const Mount& other) {
            return other.major == mount.major && other.minor == mount.minor;
        });
        if (known && !again)
            mounts.push_back(std::move(mount));
    }
    return mounts;
}

}  // namespace bellhop::os
