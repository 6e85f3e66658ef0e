// SPDX-License-Identifier: Apache-2.0
// guest-file-*: handles that belong to the agent and not to a connection. qemu-ga goes through stdio; here each command is what
// it says: a write is written when it is answered, an error is told by the command that met it, and what was read before an error
// (or before there was nothing more in a FIFO) is an answer of its own, so that no byte is lost.
// A handle is never given twice. qemu-ga remembers the last one in a file, which it syncs twice an open; here the first of a run
// is 1000 and the milliseconds since boot, so that a handle of an agent that was restarted is not anybody else's now.
#include "dialect/qga/files.hpp"

#include "base/base64.hpp"
#include "base/os_text.hpp"

#include <bellhop/budget.hpp>

#include <algorithm>

namespace bellhop::qga {
namespace {

using op::OpenedFile;

constexpr std::int64_t first_handle = 1000;
constexpr std::size_t most_handles = 1024;

Files& files_of(State& state)
{
    if (!state.files) {
        const auto running = std::chrono::duration_cast<std::chrono::milliseconds>(state.own.timers.now().time_since_epoch());
        state.files = std::make_shared<Files>();
        state.files->next = first_handle + running.count();
    }
    return *state.files;
}

// nullptr: there is none, and that was the answer.
std::shared_ptr<OpenedFile> file_of(Call& call, std::int64_t handle)
{
    const auto& open = files_of(call.state()).open;
    const auto found = open.find(handle);
    if (found != open.end())
        return found->second;
    call.fail("handle '" + std::to_string(handle) + "' has not been found");
    return nullptr;
}

// ---- open, close

std::optional<op::OpenFile::Request> request_of(std::string path, std::string mode)
{
    op::OpenFile::Request request{std::move(path)};
    if (const std::size_t b = mode.find('b'); b != mode.npos && b > 0)
        mode.erase(b, 1);
    if (mode != "r" && mode != "w" && mode != "a" && mode != "r+" && mode != "w+" && mode != "a+")
        return std::nullopt;
    const bool both = mode.size() == 2;
    request.read = both || mode[0] == 'r';
    request.write = both || mode[0] != 'r';
    request.append = mode[0] == 'a';
    request.truncate = mode[0] == 'w';
    if (mode[0] != 'r')
        request.create = 0666;
    return request;
}

void guest_file_open(Call& call, Arguments& arguments)
{
    const std::string path = arguments.string("path"), mode = arguments.maybe_string("mode").value_or("r");
    if (call.refused(arguments))
        return;
    Files& files = files_of(call.state());
    std::optional<op::OpenFile::Request> request = request_of(path, mode);
    if (!request)
        return call.fail("invalid file open mode '" + mode + "'");
    if (files.open.size() >= most_handles)
        return call.fail("failed to open file '" + path + "' (mode: '" + mode + "'): " + std::to_string(most_handles) +
                         " files are open already");
    auto opened = call.context().operations.call<op::OpenFile>(call.context(), std::move(*request));
    if (!opened)
        return call.fail("failed to open file '" + path + "' (mode: '" + mode + "'): " + reason(opened.error()));
    const std::int64_t handle = files.next++;
    files.open.emplace(handle, std::move(opened->file));
    call.answer(handle);
}

void guest_file_close(Call& call, Arguments& arguments)
{
    const std::int64_t handle = arguments.integer("handle");
    if (call.refused(arguments))
        return;
    const std::shared_ptr<OpenedFile> file = file_of(call, handle);
    if (!file)
        return;
    files_of(call.state()).open.erase(handle);
    if (Status closed = file->close(); !closed)
        return call.fail("failed to close handle: " + reason(closed.error()));
    call.done();
}

// ---- read

// The count comes behind the bytes, because it is known only then.
class FileAnswer final : public LongAnswer {
public:
    // What is read of a regular file is settled at the start: another command on the same handle goes on behind it, however
    // slowly this answer is taken.
    FileAnswer(SpareMemory& spare, std::shared_ptr<OpenedFile> file, std::size_t count)
        : file_(std::move(file)), left_(count), wanted_(count), piece_(spare)
    {
        const std::optional<std::uint64_t> size = file_->size();
        const Result<std::uint64_t> position = size ? file_->seek(0, OpenedFile::From::position) : 0;
        if (!size || !position || *position >= *size)
            return;
        at_ = *position;
        left_ = std::size_t(std::min<std::uint64_t>(count, *size - *at_));
        (void)file_->seek(std::int64_t(*at_ + left_), OpenedFile::From::start);
    }
    // Before the first next(): an Error that is all there is to tell.
    Status begin()
    {
        fill();
        return error_ && filled_ == 0 ? Status(*error_) : bellhop::done();
    }
    bool next(std::string& out) override
    {
        if (!std::exchange(begun_, true))
            out += "{\"buf-b64\": \"";
        else
            fill();
        base64::encode(out, piece_.bytes().first(filled_));
        count_ += filled_;
        if (filled_ == piece_size && left_ > 0 && !over_)
            return true;
        out += "\", \"count\": " + std::to_string(count_) + ", \"eof\": " + (count_ < wanted_ && !error_ ? "true}" : "false}");
        return false;
    }

private:
    void fill()
    {
        piece_.resize(std::min(left_, piece_size));
        for (filled_ = 0; filled_ < piece_.size() && !over_;) {
            const Chunk rest = piece_.bytes().subspan(filled_);
            const Result<std::size_t> n = at_ ? file_->read_at(rest, *at_) : file_->read(rest);
            if (!n)
                return give_up(n.error());
            over_ = *n == 0;
            filled_ += *n;
            left_ -= *n;
            if (at_)
                *at_ += *n;
        }
    }
    void give_up(const Error& error)
    {
        error_ = error;
        over_ = true;
        if (at_)  // what could not be read was not read
            (void)file_->seek(std::int64_t(*at_), OpenedFile::From::start);
    }

    std::shared_ptr<OpenedFile> file_;
    std::size_t left_, wanted_, filled_ = 0, count_ = 0;
    std::optional<std::uint64_t> at_;  // none: at the file's own position
    Piece piece_;
    std::optional<Error> error_;
    bool begun_ = false, over_ = false;
};

void guest_file_read(Call& call, Arguments& arguments)
{
    const std::int64_t handle = arguments.integer("handle");
    std::int64_t count = arguments.maybe_integer("count").value_or(4096);
    if (call.refused(arguments))
        return;
    std::shared_ptr<OpenedFile> file = file_of(call, handle);
    if (!file)
        return;
    if (count < 0 || count > most_count)
        return call.fail("value '" + std::to_string(count) + "' is invalid for argument count");
    if (call.asked_by_libvirt())
        count = std::min(count, std::int64_t(most_for_libvirt));
    auto answer = std::make_unique<FileAnswer>(call.state().spare, std::move(file), std::size_t(count));
    if (Status begun = answer->begin(); !begun)
        return call.fail("failed to read file: " + reason(begun.error()));
    call.answer(std::move(answer));
}

// ---- write

// Much goes out in steps, between which the others have their turn; a step that took long is followed by a pause as long.
class Writing final : public Lease {
public:
    Writing(Call& call, std::shared_ptr<OpenedFile> file, std::string bytes, std::size_t count, json::Members more)
        : call_(call), memory_(call.context().memory), file_(std::move(file)), bytes_(std::move(bytes)), count_(count),
          more_(std::move(more))
    {
    }
    ~Writing() override { call_.state().spare.keep(call_.state().spare.request, std::move(bytes_)); }
    bool fits() { return count_ <= step_size || memory_.take(count_); }
    void go_on()  // last: the call may be answered, and we are gone then
    {
        Timers& timers = call_.context().timers;
        const auto before = timers.now();
        const std::size_t until = std::min(done_ + step_size, count_);
        while (done_ < until) {
            const Result<std::size_t> n = file_->write(bytes_of(bytes_).subspan(done_, until - done_));
            if (!n && n.error().kind == Error::Kind::busy && !n.error().os)  // another connection has begun a freeze
                return go_on_after(until_thawed);
            if (!n && done_ == 0)
                return call_.fail("failed to write to file: " + reason(n.error()));
            if (!n || *n == 0)
                return answer();
            done_ += *n;
        }
        if (done_ == count_)
            return answer();
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(timers.now() - before);
        go_on_after(took < long_step ? std::chrono::milliseconds(0) : std::min(took, longest_pause));
    }

private:
    static constexpr std::size_t step_size = 1 << 20;
    static constexpr std::chrono::milliseconds long_step{10}, longest_pause{1000}, until_thawed{250};
    void go_on_after(std::chrono::milliseconds pause)
    {
        pause_ = call_.context().timers.after(pause, [this] { go_on(); });
    }
    void answer()
    {
        more_.emplace_back("count", std::int64_t(done_));
        call_.answer(std::move(more_));
    }

    Call& call_;
    Budget::Share memory_;
    std::shared_ptr<OpenedFile> file_;
    std::string bytes_;
    std::size_t count_, done_ = 0;
    json::Members more_;  // of the answer
    std::unique_ptr<Timer> pause_;
};

void guest_file_write(Call& call, Arguments& arguments)
{
    const std::int64_t handle = arguments.integer("handle");
    std::string bytes = arguments.string("buf-b64");
    const std::optional<std::int64_t> count = arguments.maybe_integer("count");
    if (call.refused(arguments))
        return;
    std::shared_ptr<OpenedFile> file = file_of(call, handle);
    if (!file)
        return;
    if (const auto why = base64::decode(bytes))
        return call.fail(*why);
    if (count && (*count < 0 || *count > std::int64_t(bytes.size())))
        return call.fail("value '" + std::to_string(*count) + "' is invalid for argument count");
    const std::size_t size = count ? std::size_t(*count) : bytes.size();
    write_file(call, std::move(file), std::move(bytes), size, json::Members{{"eof", false}});
}

// ---- seek, flush

std::int64_t whence_of(Arguments& arguments)
{
    std::optional<json::Value> whence = arguments.maybe_any("whence");
    if (!whence)
        return arguments.integer("whence");  // which complains
    if (const std::int64_t* code = whence->integer())
        return *code;
    else if (const std::string* name = whence->string()) {
        constexpr std::string_view names[] = {"set", "cur", "end"};
        const auto found = std::find(std::begin(names), std::end(names), *name);
        if (found != std::end(names))
            return found - std::begin(names);
        arguments.bad_value("whence", *name);
    } else
        arguments.bad_type("whence", "GuestFileWhence");
    return 0;
}

void guest_file_seek(Call& call, Arguments& arguments)
{
    const std::int64_t handle = arguments.integer("handle"), offset = arguments.integer("offset");
    const std::int64_t whence = whence_of(arguments);
    if (call.refused(arguments))
        return;
    const std::shared_ptr<OpenedFile> file = file_of(call, handle);
    if (!file)
        return;
    constexpr OpenedFile::From whences[] = {OpenedFile::From::start, OpenedFile::From::position, OpenedFile::From::end};
    if (whence < 0 || whence > 2)
        return call.fail("invalid whence code " + std::to_string(whence));
    const Result<std::uint64_t> position = file->seek(offset, whences[whence]);
    if (!position)
        return call.fail("failed to seek file: " + reason(position.error()));
    call.answer(json::Members{{"position", *position}, {"eof", false}});
}

void guest_file_flush(Call& call, Arguments& arguments)
{
    const std::int64_t handle = arguments.integer("handle");
    if (!call.refused(arguments) && file_of(call, handle))
        call.done();
}

}  // namespace

void write_file(Call& call, std::shared_ptr<OpenedFile> file, std::string bytes, std::size_t count, json::Members more)
{
    auto writing = std::make_unique<Writing>(call, std::move(file), std::move(bytes), count, std::move(more));
    if (!writing->fits())
        return call.fail("failed to write to file: too much is being written at a time");
    Writing& begun = *writing;
    call.hold(std::move(writing));
    begun.go_on();
}

std::string reason(const Error& error)
{
    return error.os ? os_text(error.os) : error.text;
}

std::span<const Command> file_commands()
{
    static constexpr Command commands[] = {
        {"guest-file-close", &guest_file_close, &op::OpenFile::info},
        {"guest-file-flush", &guest_file_flush, &op::OpenFile::info},
        {"guest-file-open", &guest_file_open, &op::OpenFile::info},
        {"guest-file-read", &guest_file_read, &op::OpenFile::info},
        {"guest-file-seek", &guest_file_seek, &op::OpenFile::info},
        {"guest-file-write", &guest_file_write, &op::OpenFile::info},
    };
    return commands;
}

}  // namespace bellhop::qga
