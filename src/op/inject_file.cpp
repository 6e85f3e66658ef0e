// SPDX-License-Identifier: Apache-2.0
// The new file is written beside and takes the place of the old one by rename(2), which until then has its own name and the
// backup's, by link(2): at no time is there no file.
#include "op/child_answer.hpp"
#include "op/jobs.hpp"
#include "os/errors.hpp"
#include "os/temp_file.hpp"

#include <ctime>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop::op {
namespace {

constexpr std::chrono::seconds inject_limit{60};
constexpr mode_t new_folder = 0755;
constexpr int most_backups_a_second = 100;

Status make_folders(const std::string& root, const std::string& path)
{
    for (std::size_t at = path.find('/', root.size() + 1); at != path.npos; at = path.find('/', at + 1)) {
        const std::string folder = path.substr(0, at);
        if (::mkdir(folder.c_str(), new_folder) < 0 && errno != EEXIST && errno != EROFS)
            return os::failure("cannot make " + folder);
    }
    return done();
}

Result<std::string> back_up(const std::string& path)
{
    const std::time_t now = ::time(nullptr);
    for (int later = 0;; ++later) {
        std::string backup = path + "." + std::to_string(now + later) + ".bak";
        if (::link(path.c_str(), backup.c_str()) == 0)
            return backup;
        if (errno == EEXIST && later < most_backups_a_second)
            continue;
        const bool no_links = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS;  // FAT, or a rule of the kernel's
        if (no_links && ::access(backup.c_str(), F_OK) < 0 && ::rename(path.c_str(), backup.c_str()) == 0)
            return backup;
        return os::failure("cannot keep a backup of " + path);
    }
}

Status write_beside(os::TempFile& file, std::string_view data, const std::optional<struct stat>& before)
{
    Status status = file.write(bytes_of(data));
    if (status && before)
        status = file.set_owner(before->st_uid, before->st_gid);
    if (status && before)
        status = file.set_mode(before->st_mode);
    return status ? file.sync() : std::move(status);
}

Result<json::Value> inject(const std::string& root, const InjectFile::Request& request)
{
    const std::string path = root + request.path;
    if (Status made = make_folders(root, path); !made)
        return std::move(made.error());
    struct stat info;
    std::optional<struct stat> before;
    if (::stat(path.c_str(), &info) == 0)
        before = info;
    const bool there = before || ::lstat(path.c_str(), &info) == 0;  // or a link that leads nowhere
    if (before && !S_ISREG(before->st_mode))
        return os::failure("cannot replace " + request.path, S_ISDIR(before->st_mode) ? EISDIR : EINVAL);
    Result<os::TempFile> file = os::TempFile::beside(path, ".inject-", os::TempFile::Name::when_whole);
    if (!file)
        return std::move(file.error());
    if (Status written = write_beside(*file, request.data, before); !written)
        return std::move(written.error());
    Result<std::string> backup = there ? back_up(path) : Result<std::string>(std::string());
    if (!backup)
        return std::move(backup.error());
    if (Status published = file->publish(); !published) {
        if (there && (::lstat(path.c_str(), &info) < 0 || ::unlink(backup->c_str()) < 0))
            ::rename(backup->c_str(), path.c_str());
        return std::move(published.error());
    }
    return json::Value();
}

}  // namespace

Begun ask_inject_file(Guest& guest, const Context& context, InjectFile::Request request, Then<InjectFile> then)
{
    if (!request.path.starts_with('/') || request.path.ends_with('/') || request.path.find('\0') != request.path.npos)
        return Error{Error::Kind::bad_request, {}, "'" + request.path + "' is not the absolute path of a file"};
    if (!guest.frozen.nothing())
        return Error{Error::Kind::busy, {}, "file systems are frozen"};
    const std::string& root = guest.facts.config.root;
    return ask_child<InjectFile>(
        guest, context, inject_limit, [&] { return inject(root, request); }, [](Fields) { return InjectFile::Answer{}; },
        std::move(then));
}

}  // namespace bellhop::op
