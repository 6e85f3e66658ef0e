// SPDX-License-Identifier: Apache-2.0
// stat(2) and open(2) by a child: FUSE's processes hang at either. Devices and FIFOs are not opened, because that does things.
#include "op/child_answer.hpp"
#include "op/jobs.hpp"
#include "os/mounts.hpp"

#include <bellhop/fd.hpp>

#include <climits>

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop::op {
namespace {

constexpr std::chrono::seconds limit{5};  // libvirt's and Proxmox VE's hosts wait for little more

bool is_foreign(const std::string& type)
{
    static constexpr std::string_view types[] = {"9p",   "afs",     "autofs", "ceph", "cifs", "coda",
                                                 "fuse", "fuseblk", "nfs",    "nfs4", "smb3", "virtiofs"};
    return type.starts_with("fuse.") || std::find(std::begin(types), std::end(types), type) != std::end(types);
}

bool is_in(std::string_view path, std::string_view directory)
{
    return directory == "/" ||
           (path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/'));
}

std::string absolute(const std::string& path)
{
    char here[PATH_MAX];
    if (path.starts_with('/') || !::getcwd(here, sizeof here))
        return path;
    return std::string(here) + "/" + path;
}

Result<json::Value> touch(const std::vector<std::string>& paths)
{
    for (const std::string& path : paths) {
        struct stat info;
        if (::stat(path.c_str(), &info) == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)))
            (void)Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    }
    return json::Value(json::Array());
}

}  // namespace

Status may_hang(Guest&, const Context&, const MayHang::Request& request, MayHang::Answer& answer)
{
    const Result<std::vector<os::Mount>> mounts = os::all_mounts({});
    answer.one_may =
        mounts && std::any_of(request.paths.begin(), request.paths.end(), [&](const std::string& path) {
            const std::string whole = absolute(path);
            const os::Mount* nearest = nullptr;
            for (const os::Mount& mount : *mounts)
                if (is_in(whole, mount.directory) && (!nearest || mount.directory.size() >= nearest->directory.size()))
                    nearest = &mount;
            return nearest && is_foreign(nearest->type);
        });
    return done();
}

Begun ask_reach(Guest& guest, const Context& context, Reach::Request request, Then<Reach> then)
{
    auto said = [then = std::move(then)](const Result<json::Value>& found) {
        if (found)
            then(Reach::Answer());
        else if (found.error().kind == Error::Kind::timed_out)
            then(Error{Error::Kind::timed_out, {}, "its file system does not answer"});
        else
            then(found.error());
    };
    return in_child(guest, context, limit, std::bind_front(&touch, std::move(request.paths)), std::move(said));
}

}  // namespace bellhop::op
