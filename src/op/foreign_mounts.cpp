// SPDX-License-Identifier: Apache-2.0
// readlink(2), a component of a path at a time: at no time is a name looked up in what is mounted there.
#include "op/foreign_mounts.hpp"

#include <climits>

#include <algorithm>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace bellhop::op {
namespace {

constexpr int most_links = 40;  // as the kernel

bool is_foreign(const os::Mount& mount)
{
    static constexpr std::string_view types[] = {"9p",   "afs",     "autofs", "ceph", "cifs", "coda",
                                                 "fuse", "fuseblk", "nfs",    "nfs4", "smb3", "virtiofs"};
    return mount.type.starts_with("fuse.") || std::find(std::begin(types), std::end(types), mount.type) != std::end(types);
}

bool is_in(std::string_view path, std::string_view directory)
{
    return directory == "/" ||
           (path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/'));
}

bool is_foreign(const std::vector<os::Mount>& mounts, std::string_view path)
{
    const os::Mount* nearest = nullptr;
    for (const os::Mount& mount : mounts)
        if (is_in(path, mount.directory) && (!nearest || mount.directory.size() >= nearest->directory.size()))
            nearest = &mount;
    return nearest && is_foreign(*nearest);
}

std::string absolute(const std::string& path)
{
    char here[PATH_MAX];
    if (path.starts_with('/') || !::getcwd(here, sizeof here))
        return path;
    return std::string(here) + "/" + path;
}

}  // namespace

const std::vector<os::Mount>& ForeignMounts::mounts()
{
    if (!changes_.any())
        return mounts_;
    Result<std::vector<os::Mount>> all = os::all_mounts({});
    mounts_ = all ? std::move(*all) : std::vector<os::Mount>();
    if (std::none_of(mounts_.begin(), mounts_.end(), [](const os::Mount& one) { return is_foreign(one); }))
        mounts_ = {};
    return mounts_;
}

bool ForeignMounts::has(const std::string& path)
{
    const std::vector<os::Mount>& all = mounts();
    std::string rest = all.empty() ? std::string() : absolute(path), at;  // at: without links, "" is the root
    for (int links = 0; !rest.empty();) {
        const std::string part = rest.substr(0, rest.find('/'));
        rest.erase(0, part.size() + 1);
        if (part.empty() || part == ".")
            continue;
        if (part == "..") {
            at.resize(at.empty() ? 0 : at.rfind('/'));
            continue;
        }
        const std::string next = at + "/" + part;
        if (is_foreign(all, next))
            return true;
        char target[PATH_MAX];
        const ssize_t length = ::readlink(next.c_str(), target, sizeof target);
        if (length < 0) {
            at = next;
            continue;
        }
        if (++links > most_links)
            return false;
        rest = std::string(target, std::size_t(length)) + "/" + rest;
        if (rest.starts_with('/'))
            at.clear();
    }
    return false;
}

bool ForeignMounts::has(const Fd& file)
{
    const std::vector<os::Mount>& all = mounts();
    struct stat info;
    if (all.empty() || ::fstat(file.get(), &info) < 0)
        return false;
    return std::any_of(all.begin(), all.end(), [&](const os::Mount& one) {
        return is_foreign(one) && one.major == major(info.st_dev) && one.minor == minor(info.st_dev);
    });
}

}  // namespace bellhop::op
