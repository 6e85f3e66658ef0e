// SPDX-License-Identifier: Apache-2.0
// Regular-file work goes in chunks on the reactor: that is a decision. But a disk that is behind makes write(2) wait, and then
// the others wait, too; so a write that took long is followed by a pause as long, in which the loop is theirs (at least half of
// it). What cannot be written is still taken: the peer is told at the end, in its own order of things.
#include "op/jobs.hpp"
#include "os/errors.hpp"
#include "os/temp_file.hpp"

#include <bellhop/op/put_file.hpp>

#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace bellhop::op {
namespace {

constexpr std::chrono::milliseconds long_write{10}, longest_pause{1000};

class PutJob final : public Job {
public:
    PutJob(Guest& guest, const Context& context, os::TempFile file, unsigned mode, JobSink& sink)
        : writer_(guest.frozen), timers_(context.timers), file_(std::move(file)), mode_(mode), sink_(sink)
    {
    }
    Status signal(int) override { return Error{Error::Kind::unsupported, {}, "a file has no signals"}; }
    Outbox::Room input(ByteView bytes) override
    {
        const auto before = timers_.now();
        if (status_)
            status_ = file_.write(bytes);
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(timers_.now() - before);
        if (took < long_write)
            return Outbox::Room::more;
        pause_ = timers_.after(std::min(took, longest_pause), std::bind_front(&JobSink::on_input_room, &sink_));
        return Outbox::Room::full;
    }
    void end_input() override
    {
        if (status_)
            status_ = file_.set_mode(mode_);
        if (status_)
            status_ = file_.publish();
        pause_ = timers_.after(std::chrono::milliseconds(0), std::bind_front(&PutJob::on_done, this));
    }

private:
    void on_done() { sink_.on_end(status_ ? Result<ExitStatus>(ExitStatus()) : Result<ExitStatus>(std::move(status_.error()))); }

    const Frozen::Writer writer_;
    Timers& timers_;
    os::TempFile file_;
    unsigned mode_;
    JobSink& sink_;
    Status status_ = done();
    std::unique_ptr<Timer> pause_;
};

bool is_directory(const std::string& path)
{
    struct stat info;
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// As Python's os.path.abspath: "." and "//" go, ".." takes the component before it with it, whatever the disk says.
Result<std::string> abspath(const std::string& path)
{
    std::string whole = path;
    if (!path.starts_with('/')) {
        char here[4096];
        if (!::getcwd(here, sizeof here))
            return os::failure("no working directory");
        whole = std::string(here) + "/" + path;
    }
    std::string plain;
    for (std::size_t at = 0; at < whole.size();) {
        const std::size_t end = std::min(whole.find('/', at), whole.size());
        const std::string part = whole.substr(at, end - at);
        at = end + 1;
        if (part == "..")
            plain.resize(plain.empty() ? 0 : plain.rfind('/'));
        else if (!part.empty() && part != ".")
            plain += "/" + part;
    }
    return plain.empty() ? std::string("/") : plain;
}

}  // namespace

Result<std::string> put_target(const std::string& path, const std::string& name)
{
    Result<std::string> whole = abspath(path);
    if (!whole)
        return whole;
    const std::string& target = *whole;
    if (!is_directory(target))
        return target;
    const std::string last = name.substr(name.rfind('/') + 1);
    if (last.empty())
        return Error{Error::Kind::bad_request, {}, "destination is a directory and no filename was provided: " + path};
    if (last == "." || last == "..")
        return Error{Error::Kind::bad_request, {}, "destination filename is invalid: " + last + " (cannot be '.' or '..')"};
    return target + (target.ends_with('/') ? "" : "/") + last;
}

Result<std::unique_ptr<Job>> start_put_file(Guest& guest, const Context& context, PutFile::Request request, JobSink& sink)
{
    if (!guest.frozen.nothing())
        return Error{Error::Kind::busy, {}, "file systems are frozen"};
    Result<std::string> target = put_target(request.path, request.name);
    if (!target)
        return std::move(target.error());
    Result<os::TempFile> file = os::TempFile::beside(*target, ".bellhop-put-", os::TempFile::Name::at_once);
    if (!file)
        return std::move(file.error());
    return std::make_unique<PutJob>(guest, context, std::move(*file), request.mode.value_or(0600), sink);
}

}  // namespace bellhop::op
