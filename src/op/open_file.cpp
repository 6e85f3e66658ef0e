// SPDX-License-Identifier: Apache-2.0
// O_NONBLOCK: neither the opening of a FIFO nor reading one may wait. O_NOCTTY: nobody gives us a terminal. A file that is not
// there is created with O_EXCL first, because only of a file that is surely new the mode is ours to set.
// The last quarter of our descriptors is not for files: who opens and never closes shall not shut everybody else out.
// open(2), fchmod(2), pread(2), lseek(2), statx(2), getrlimit(2).
#include "op/jobs.hpp"
#include "os/errors.hpp"

#include <bellhop/fd.hpp>
#include <bellhop/op/open_file.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop::op {
namespace {

template <class Call> Result<std::size_t> moved(const char* what, Call call)
{
    ssize_t n;
    do
        n = call();
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return os::failure(what);
    return std::size_t(n);
}

// A write would sleep until the thaw, which then nobody hears of.
Error frozen_now()
{
    return {Error::Kind::busy, {}, "file systems are frozen"};
}

class File final : public OpenedFile {
public:
    File(Fd file, const Frozen& frozen, bool foreign) : file_(std::move(file)), frozen_(frozen), foreign_(foreign) {}
    Result<std::size_t> read(Chunk to) override
    {
        return moved("cannot read", [&] { return ::read(file_.get(), to.data(), to.size()); });
    }
    Result<std::size_t> write(ByteView bytes) override
    {
        if (!frozen_.nothing())
            return frozen_now();
        return moved("cannot write", [&] { return ::write(file_.get(), bytes.data(), bytes.size()); });
    }
    Result<std::size_t> read_at(Chunk to, std::uint64_t offset) override
    {
        return moved("cannot read", [&] { return ::pread(file_.get(), to.data(), to.size(), off_t(offset)); });
    }
    Result<std::size_t> write_at(ByteView bytes, std::uint64_t offset) override
    {
        if (!frozen_.nothing())
            return frozen_now();
        return moved("cannot write", [&] { return ::pwrite(file_.get(), bytes.data(), bytes.size(), off_t(offset)); });
    }
    Result<std::uint64_t> seek(std::int64_t offset, From from) override
    {
        const off_t at = ::lseek(file_.get(), off_t(offset),
                                 from == From::start ? SEEK_SET
                                 : from == From::end ? SEEK_END
                                                     : SEEK_CUR);
        if (at < 0)
            return os::failure("cannot seek");
        return std::uint64_t(at);
    }
    std::optional<std::uint64_t> size() const override
    {
        struct stat info;
        if (::fstat(file_.get(), &info) < 0 || !S_ISREG(info.st_mode))
            return std::nullopt;
        return std::uint64_t(info.st_size);
    }
    bool may_hang() const override { return foreign_; }
    void ask_its_server() const override
    {
        struct statx about;
        ::statx(file_.get(), "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &about);
    }
    Status close() override
    {
        const int number = file_.release();
        if (::close(number) < 0 && errno != EINTR)
            return os::failure("cannot close");
        return done();
    }

private:
    Fd file_;
    const Frozen& frozen_;
    const bool foreign_;
};

Status give_mode(const Fd& file, const OpenFile::Request& request)
{
    if (::fchmod(file.get(), mode_t(*request.create & 07777)) == 0)
        return done();
    Error why = os::failure("cannot set the mode of " + request.path);
    ::unlink(request.path.c_str());
    return why;
}

bool in_last_quarter(const Fd& file)
{
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && rlim_t(file.get()) >= limit.rlim_cur / 4 * 3;
}

}  // namespace

Status open_file(Guest& guest, const Context&, const OpenFile::Request& request, OpenFile::Answer& answer)
{
    const char* path = request.path.c_str();
    if (request.path.find('\0') != std::string::npos)
        return os::failure("cannot open a file whose name has a zero byte", EINVAL);
    if (request.write && !guest.frozen.nothing())
        return frozen_now();
    const int flags = (request.read && request.write ? O_RDWR
                       : request.write               ? O_WRONLY
                                                     : O_RDONLY) |
                      (request.append ? O_APPEND : 0) | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
    Fd file(::open(path, request.create ? flags | O_CREAT | O_EXCL : flags, 0));
    const bool is_new = file && request.create;
    if (!file && request.create && errno == EEXIST)
        file = Fd(::open(path, flags));
    if (!file)
        return os::failure("cannot open " + request.path);
    if (in_last_quarter(file)) {
        if (is_new)
            ::unlink(path);
        return os::failure("cannot open " + request.path, EMFILE);
    }
    if (is_new)
        if (Status status = give_mode(file, request); !status)
            return status;
    struct stat info;
    if (!is_new && request.truncate && ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) && ::ftruncate(file.get(), 0) < 0)
        return os::failure("cannot truncate " + request.path);
    const bool foreign = guest.foreign.has(file);
    answer.file = std::make_shared<File>(std::move(file), guest.frozen, foreign);
    return done();
}

}  // namespace bellhop::op
