// SPDX-License-Identifier: Apache-2.0
// stat(2) and open(2) by a child: FUSE's processes hang at either. Devices and FIFOs are not opened, because that does things.
#include "op/child_answer.hpp"
#include "op/jobs.hpp"

#include <bellhop/fd.hpp>

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop::op {
namespace {

constexpr std::chrono::seconds reach_limit{5};  // libvirt's and Proxmox VE's hosts wait for little more

Result<json::Value> touch(const Reach::Request& request)
{
    if (request.file)
        request.file->ask_its_server();
    for (const std::string& path : request.paths) {
        struct stat info;
        if (::stat(path.c_str(), &info) == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)))
            (void)Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    }
    return json::Value(json::Array());
}

}  // namespace

Status may_hang(Guest& guest, const Context&, const MayHang::Request& request, MayHang::Answer& answer)
{
    answer.one_may =
        std::any_of(request.paths.begin(), request.paths.end(), [&](const std::string& path) { return guest.foreign.has(path); });
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
    return in_child(guest, context, reach_limit, std::bind_front(&touch, std::move(request)), std::move(said));
}

}  // namespace bellhop::op
