// SPDX-License-Identifier: Apache-2.0
// openat(2) with O_EXCL or O_TMPFILE, linkat(2), renameat(2), getrandom(2). linkat() cannot replace a target, so a file without a
// name gets one of its own first, and has it for the time of one system call.
#include "os/temp_file.hpp"

#include "os/errors.hpp"

#include <ctime>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop::os {
namespace {

std::string random_letters()
{
    unsigned char raw[10];
    if (::getrandom(raw, sizeof raw, GRND_NONBLOCK) < 0)  // early in boot: O_EXCL makes any name safe, only not unguessable
        for (std::size_t i = 0; i < sizeof raw; ++i)
            raw[i] = static_cast<unsigned char>(std::size_t(::clock()) >> i ^ std::size_t(::getpid()));
    std::string letters;
    for (unsigned char byte : raw)
        letters += "abcdefghijklmnopqrstuvwxyz234567"[byte % 32];
    return letters;
}

// Not every file system has such files (NFS and FAT do not), and without /proc ours could not get a name.
Fd open_unnamed(const Fd& directory)
{
    if (::access("/proc/self/fd", X_OK) < 0)
        return Fd();
    return Fd(::openat(directory.get(), ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
}

}  // namespace

Result<TempFile> TempFile::beside(const std::string& target, const std::string& prefix, Name name)
{
    const std::size_t slash = target.rfind('/');
    const std::string folder = slash == target.npos ? "." : slash == 0 ? "/" : target.substr(0, slash);
    Fd directory(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return failure("cannot create a file in " + folder);
    if (Fd file = name == Name::when_whole ? open_unnamed(directory) : Fd())
        return TempFile(std::move(directory), std::move(file), {}, target.substr(slash + 1), prefix);
    for (int tries = 0;; ++tries) {
        std::string temporary = prefix + random_letters();
        Fd file(::openat(directory.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (file)
            return TempFile(std::move(directory), std::move(file), std::move(temporary), target.substr(slash + 1), prefix);
        if (errno != EEXIST || tries == 10)
            return failure("cannot create a file in " + folder);
    }
}

TempFile::~TempFile()
{
    if (file_ && !temporary_.empty())
        ::unlinkat(directory_.get(), temporary_.c_str(), 0);
}

Status TempFile::write(ByteView bytes)
{
    while (!bytes.empty()) {
        const ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
        if (n < 0 && errno != EINTR)
            return failure("cannot write " + name_);
        bytes = bytes.subspan(std::size_t(std::max<ssize_t>(n, 0)));
    }
    return done();
}

Status TempFile::set_mode(mode_t mode)
{
    if (::fchmod(file_.get(), mode & 07777) < 0)
        return failure("cannot set the mode of " + name_);
    return done();
}

Status TempFile::set_owner(uid_t user, gid_t group)
{
    if (::fchown(file_.get(), user, group) < 0)
        return failure("cannot set the owner of " + name_);
    return done();
}

Status TempFile::sync()
{
    if (::fsync(file_.get()) < 0)
        return failure("cannot write " + name_);
    return done();
}

Status TempFile::give_name()
{
    const std::string ours = "/proc/self/fd/" + std::to_string(file_.get());
    std::string name = prefix_ + random_letters();
    if (::linkat(AT_FDCWD, ours.c_str(), directory_.get(), name.c_str(), AT_SYMLINK_FOLLOW) < 0)
        return failure("cannot name " + name_);
    temporary_ = std::move(name);
    return done();
}

Status TempFile::publish()
{
    if (Status named = temporary_.empty() ? give_name() : done(); !named)
        return named;
    if (::renameat(directory_.get(), temporary_.c_str(), directory_.get(), name_.c_str()) < 0)
        return failure("cannot replace " + name_);
    file_ = Fd();
    return done();
}

}  // namespace bellhop::os
