// SPDX-License-Identifier: Apache-2.0
// Whoever can write a file here is root in effect, so neither owner nor mode may let anybody else. Looked at through O_PATH,
// which opens nothing (a FIFO would block, a device would begin something) and follows no link: the target's folder is not looked
// at. Between the look and execve(2) only root can change anything. open(2), inode(7).
#include "os/command_folder.hpp"

#include "base/heap_sort.hpp"
#include "os/errors.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>

namespace bellhop::os {
namespace {

constexpr std::size_t most_names = 1024;

Error distrust(const std::string& path, const char* why)
{
    return {Error::Kind::denied, {}, path + " " + why};
}

Status must_be_roots(const std::string& path, const struct stat& info)
{
    if (info.st_uid != 0)
        return distrust(path, "does not belong to root");
    if (info.st_mode & (S_IWGRP | S_IWOTH))
        return distrust(path, "can be written by others than root; cure: chmod go-w");
    return done();
}

Result<Fd> look_at(int folder, const std::string& name, const std::string& path, struct stat& info)
{
    Fd fd(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || ::fstat(fd.get(), &info) < 0)
        return failure("cannot look at " + path);
    if (S_ISLNK(info.st_mode))
        return distrust(path, "is a symbolic link");
    return fd;
}

}  // namespace

Result<CommandFolder> CommandFolder::open(std::string path)
{
    struct stat info;
    Result<Fd> fd = look_at(AT_FDCWD, path, path, info);
    if (!fd)
        return std::move(fd.error());
    if (!S_ISDIR(info.st_mode))
        return distrust(path, "is no directory");
    if (Status trusted = must_be_roots(path, info); !trusted)
        return std::move(trusted.error());
    return CommandFolder(std::move(*fd), std::move(path));
}

Status CommandFolder::check(const std::string& name) const
{
    struct stat info;
    const std::string path = path_of(name);
    if (const Result<Fd> fd = look_at(fd_.get(), name, path, info); !fd)
        return fd.error();
    if (!S_ISREG(info.st_mode))
        return distrust(path, "is no regular file");
    if (Status trusted = must_be_roots(path, info); !trusted)
        return trusted;
    if (!(info.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
        return distrust(path, "is not executable; cure: chmod +x");
    return done();
}

std::vector<std::string> CommandFolder::names() const
{
    std::vector<std::string> names;
    Fd fd(::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(fd.get()), &::closedir);
    if (!folder)
        return names;
    fd.release();  // closedir() closes it
    while (const dirent* entry = ::readdir(folder.get()))
        if (entry->d_name[0] != '.' && names.size() < most_names)
            names.emplace_back(entry->d_name);
    heap_sort(names);
    return names;
}

}  // namespace bellhop::os
