// SPDX-License-Identifier: Apache-2.0
// hostnamectl(1), which tells others of it; else sethostname(2) and hostname(5).
#include "op/child_answer.hpp"
#include "op/jobs.hpp"
#include "os/errors.hpp"
#include "os/helper.hpp"
#include "os/programs.hpp"
#include "os/temp_file.hpp"

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop::op {
namespace {

constexpr std::chrono::seconds hostname_limit{30};
constexpr std::size_t longest = 64;  // HOST_NAME_MAX

bool is_hostname(std::string_view name)
{
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    };
    return !name.empty() && name.size() <= longest && name[0] != '-' && name[0] != '.' &&
           std::all_of(name.begin(), name.end(), allowed);
}

Status write_name(const std::string& path, const std::string& name)
{
    struct stat before;
    const bool there = ::stat(path.c_str(), &before) == 0;
    Result<os::TempFile> file = os::TempFile::beside(path, ".hostname-", os::TempFile::Name::when_whole);
    if (!file)
        return std::move(file.error());
    Status status = file->write(bytes_of(name + "\n"));
    if (status && there)
        status = file->set_owner(before.st_uid, before.st_gid);
    if (status)
        status = file->set_mode(there ? before.st_mode : 0644);
    if (status)
        status = file->sync();
    return status ? file->publish() : std::move(status);
}

Result<json::Value> change(const std::string& root, const std::string& name)
{
    if (const std::string program = os::find_program(root, "hostnamectl"); !program.empty()) {
        const Result<os::HelperEnd> end = os::run_helper({program, "set-hostname", name});
        if (end && end->code == 0)
            return json::Value();  // else there may be no systemd that it could ask
    }
    if (root.empty() && ::sethostname(name.data(), name.size()) < 0)  // another root's kernel is ours
        return os::failure("cannot set the name of this guest");
    if (Status status = write_name(root + "/etc/hostname", name); !status)
        return std::move(status.error());
    return json::Value();
}

}  // namespace

Begun ask_set_hostname(Guest& guest, const Context& context, SetHostname::Request request, Then<SetHostname> then)
{
    if (!is_hostname(request.name))
        return Error{Error::Kind::bad_request, {}, "'" + request.name + "' is not a host name"};
    if (!guest.frozen.nothing())
        return Error{Error::Kind::busy, {}, "file systems are frozen"};
    const std::string& root = guest.facts.config.root;
    return ask_child<SetHostname>(
        guest, context, hostname_limit, [&] { return change(root, request.name); }, [](Fields) { return SetHostname::Answer{}; },
        std::move(then));
}

}  // namespace bellhop::op
