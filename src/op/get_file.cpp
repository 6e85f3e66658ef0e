// SPDX-License-Identifier: Apache-2.0
// Asked before it is opened, because opening some devices does things (a watchdog is armed), and asked again on the descriptor,
// so that what is checked is what is read. O_NONBLOCK: opening a FIFO must not wait. The files of /proc and /sys do not know
// their size (0, or a page): they have no blocks and are small, so they are read to their end first, into memory that is a file
// again.
#include "op/jobs.hpp"
#include "os/errors.hpp"
#include "os/source.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop::op {
namespace {

constexpr off_t perhaps_unsized = 64 << 10;
constexpr std::size_t most_unsized = 4 << 20;

struct Opened {
    Fd file;
    std::uint64_t size;
};

Result<Opened> read_whole(const Fd& file, Chunk chunk)
{
    Opened copy{Fd(::memfd_create("bellhop-get", MFD_CLOEXEC)), 0};
    if (!copy.file)
        return os::failure("no memory for the file");
    for (;;) {
        const ssize_t n = ::read(file.get(), chunk.data(), chunk.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return os::failure("cannot read");
        if (n == 0)
            return copy;
        copy.size += std::uint64_t(n);
        if (copy.size > most_unsized)
            return Error{Error::Kind::too_big, {}, "more than 4 MiB without a size"};
        if (::write(copy.file.get(), chunk.data(), std::size_t(n)) != n)
            return os::failure("no memory for the file");
    }
}

}  // namespace

Status get_file(Guest& guest, const Context&, const GetFile::Request& request, GetFile::Answer& answer)
{
    const Error not_regular{Error::Kind::bad_request, {}, "not a regular file"};
    struct stat info;
    if (::stat(request.path.c_str(), &info) < 0)
        return os::failure("cannot open " + request.path);
    if (!S_ISREG(info.st_mode))
        return not_regular;
    Opened opened{Fd(::open(request.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)), 0};
    if (!opened.file || ::fstat(opened.file.get(), &info) < 0)
        return os::failure("cannot open " + request.path);
    if (!S_ISREG(info.st_mode))
        return not_regular;
    opened.size = std::uint64_t(info.st_size);
    if (info.st_blocks == 0 && info.st_size <= perhaps_unsized) {
        Result<Opened> copy = read_whole(opened.file, guest.chunk);
        if (!copy)
            return std::move(copy.error());
        opened = std::move(*copy);
    }
    answer.mode = int(info.st_mode & 07777);
    answer.size = opened.size;
    answer.bytes = std::make_shared<os::FileSource>(std::move(opened.file), answer.size, guest.chunk);
    return done();
}

}  // namespace bellhop::op
