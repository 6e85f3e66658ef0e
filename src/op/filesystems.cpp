// SPDX-License-Identifier: Apache-2.0
// The kernel's lists are read at once; only how full they are is asked in a child, because a file system may not answer. Proxmox
// gives us five seconds for all of it.
#include "op/child_answer.hpp"
#include "op/jobs.hpp"
#include "os/block_devices.hpp"
#include "os/mounts.hpp"
#include "os/space.hpp"

namespace bellhop::op {
namespace {

using namespace std::chrono_literals;

Result<json::Value> find_spaces(const std::vector<std::string>& directories)
{
    json::Array all;
    for (const std::optional<os::Space>& space : os::spaces_of(directories, 1s, 3s))
        all.push_back(space ? json::Value(json::Array{space->used, space->total, space->privileged}) : json::Value());
    return all;
}

}  // namespace

Begun ask_filesystems(Guest& guest, const Context& context, Filesystems::Request, Then<Filesystems> then)
{
    const std::string& root = guest.facts.config.root;
    Result<std::vector<os::Mount>> mounts = os::disk_mounts(root);
    if (!mounts)
        return std::move(mounts.error());
    Filesystems::Answer answer;
    std::vector<std::string> directories;
    for (os::Mount& mount : *mounts) {
        directories.push_back(root + mount.directory);
        os::BlockDevice device = os::block_device(root, mount.major, mount.minor);
        answer.filesystems.push_back(
            {std::move(device.name), std::move(mount.directory), std::move(mount.type), {}, std::move(device.disks)});
    }
    auto read = [answer = std::move(answer)](Fields spaces) mutable {
        for (Filesystems::Filesystem& one : answer.filesystems)
            if (Fields numbers(spaces.value()); numbers.more()) {
                Filesystems::Space space;
                for (std::uint64_t* bytes : {&space.used, &space.total, &space.privileged})
                    *bytes = numbers.number<std::uint64_t>();
                one.space = space;
            }
        return std::move(answer);
    };
    return ask_child<Filesystems>(guest, context, 10s, std::bind_front(&find_spaces, std::move(directories)), std::move(read),
                                  std::move(then));
}

}  // namespace bellhop::op
