// SPDX-License-Identifier: Apache-2.0
// A named temporary file and a signal handler, not O_TMPFILE: that one needs a filesystem which has
// it, linkat(2) cannot replace a file, and so the named one would be needed beside it. Signals are
// held while the name changes hands between us and the handler.
#include "local_file.hpp"

#include "failure.hpp"
#include "output.hpp"

#include <climits>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop::tool {
namespace {

constexpr std::array ending_signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
char doomed[PATH_MAX];  // what the handler removes; empty: nothing

void on_ending_signal(int number)
{
    if (doomed[0])
        ::unlink(doomed);
    ::signal(number, SIG_DFL);
    ::raise(number);
}

class SignalHold {
public:
    SignalHold()
    {
        sigset_t held;
        ::sigemptyset(&held);
        for (int number : ending_signals)
            ::sigaddset(&held, number);
        ::sigprocmask(SIG_BLOCK, &held, &before_);
    }
    ~SignalHold() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

void catch_ending_signals()
{
    for (int number : ending_signals) {
        struct sigaction action {};
        ::sigaction(number, nullptr, &action);
        if (action.sa_handler == SIG_IGN)
            continue;  // nohup, or a shell's background job: it stays ignored
        action = {};
        action.sa_handler = on_ending_signal;
        ::sigaction(number, &action, nullptr);
    }
}

[[noreturn]] void fail(const std::string& what)
{
    const std::string reason = std::strerror(errno);
    throw Failure(Exit::failed, what + ": " + reason);
}

Fd unlinked_file()
{
    const char* folder = std::getenv("TMPDIR");
    std::string name = std::string(folder && *folder ? folder : "/tmp") + "/bellhop-XXXXXX";
    const SignalHold hold;
    Fd file(::mkostemp(name.data(), O_CLOEXEC));
    if (!file)
        fail("cannot create " + name);
    ::unlink(name.c_str());
    return file;
}

Source spooled(int from, const std::string& name)
{
    Source source{unlinked_file(), 0, {}};
    std::array<std::byte, 64 << 10> chunk;
    for (;;) {
        const ssize_t count = ::read(from, chunk.data(), chunk.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            fail("cannot read " + name);
        if (count == 0)
            break;
        write_all(source.file.get(), Chunk(chunk).first(std::size_t(count)), "the temporary copy of " + name);
        source.size += count;
    }
    if (::lseek(source.file.get(), 0, SEEK_SET) < 0)
        fail("cannot rewind the temporary copy of " + name);
    return source;
}

bool is_folder(const std::string& path)
{
    std::error_code ignored;
    return std::filesystem::is_directory(path, ignored);
}

std::string last_name(const std::string& path)
{
    return std::filesystem::path(path).filename();
}

}  // namespace

Source open_source(const std::string& path)
{
    const bool standard = path == "-";
    const std::string name = standard ? "stdin" : path;
    Fd file(standard ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status;
    if (!file || ::fstat(file.get(), &status) < 0)
        fail("cannot open " + name);
    if (S_ISDIR(status.st_mode))
        throw Failure(Exit::failed, name + " is a directory", "put copies one file; pack a tree with tar first");
    // No blocks: a file of /proc or /sys, whose size says nothing; or one so small or so hollow
    // that a copy costs nothing.
    const off_t position = S_ISREG(status.st_mode) && status.st_blocks > 0 ? ::lseek(file.get(), 0, SEEK_CUR) : -1;
    Source source = position >= 0 && position <= status.st_size ? Source{std::move(file), status.st_size - position, {}}
                                                                : spooled(file.get(), name);
    if (!standard)
        source.mode = status.st_mode & 07777;
    return source;
}

Target::Target(std::string path) : path_(std::move(path))
{
    struct stat status;
    const bool there = path_ != "-" && ::stat(path_.c_str(), &status) == 0;
    if (path_ == "-")
        fd_ = STDOUT_FILENO;
    else if (there && !S_ISREG(status.st_mode))
        open_in_place();
    else
        open_beside();
}

void Target::open_in_place()
{
    file_ = Fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file_)
        fail("cannot open " + path_);
    fd_ = file_.get();
}

void Target::open_beside()
{
    std::error_code error;
    if (std::filesystem::is_symlink(path_, error))  // the link stays, its file is replaced
        if (auto real = std::filesystem::canonical(path_, error); !error)
            path_ = real;
    const std::string folder = path_.substr(0, path_.rfind('/') + 1);
    std::string temporary = folder + ".bellhop-get-XXXXXX";
    if (temporary.size() >= sizeof doomed)
        throw Failure(Exit::failed, "the path " + path_ + " is too long");
    catch_ending_signals();
    const SignalHold hold;
    file_ = Fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!file_)
        fail("cannot create a file in " + (folder.empty() ? "the current directory" : folder));
    fd_ = file_.get();
    std::strcpy(doomed, temporary.c_str());
    temporary_ = std::move(temporary);
}

Target::~Target()
{
    if (temporary_.empty())
        return;
    const SignalHold hold;
    ::unlink(temporary_.c_str());
    doomed[0] = 0;
}

void Target::write(ByteView bytes)
{
    write_all(fd_, bytes, path_ == "-" ? "stdout" : path_);
}

// Permission bits only: a guest must not make a file on the host set-user-ID.
void Target::publish(std::int64_t mode)
{
    if (temporary_.empty())
        return;
    if (::fchmod(fd_, mode_t(mode & 0777)) < 0)
        fail("cannot set the mode of " + path_);
    const SignalHold hold;
    if (::rename(temporary_.c_str(), path_.c_str()) < 0)
        fail("cannot rename the received file to " + path_);
    doomed[0] = 0;
    temporary_.clear();
}

std::string target_path(const std::string& local, const std::string& remote)
{
    if (local.empty())
        throw Failure(Exit::usage, "LOCAL is empty", "a file, a directory, or - for stdout");
    if (local == "-" || !is_folder(local))
        return local;
    const std::string name = last_name(remote);
    if (name.empty() || name == "." || name == "..")
        throw Failure(Exit::usage, local + " is a directory, and " + remote + " gives no name for a file in it");
    return std::filesystem::path(local) / name;
}

}  // namespace bellhop::tool
