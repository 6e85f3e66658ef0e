// SPDX-License-Identifier: Apache-2.0
// An operator's own commands: what `run` does, with everything but the argument decided by the guest. docs/own-commands.md
//
// The folder is looked at when a command is called, so adding a file needs no restart. That is done on the loop: a few system
// calls about files below /etc, which are local where anything is. A file that is ignored is told once (Guest::remark), not at
// every call.
#include "base/json.hpp"
#include "op/jobs.hpp"
#include "os/command_folder.hpp"

#include <bellhop/budget.hpp>

#include <algorithm>

namespace bellhop::op {
namespace {

constexpr std::size_t most_out = 1 << 20, most_err = 4 << 10, input_step = 64 << 10, longest_name = 64;
constexpr std::string_view path_for_commands = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::string_view name_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

bool is_name(std::string_view name)
{
    return !name.empty() && name.size() <= longest_name && name[0] != '.' &&
           name.find_first_not_of(name_letters) == std::string_view::npos;
}

std::string folder_in(const Guest& guest)
{
    return guest.facts.config.root + "/etc/bellhop/commands.d";
}

bool lists(const std::vector<std::string_view>& names, std::string_view name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

// One line in the log for what is ignored, until it is put right or wrong in another way.
void remark(Guest& guest, const std::string& what, const std::string& why)
{
    std::string& told = guest.ignored[what];
    if (told != why)
        guest.remark(Log::Level::warning, "not a command: " + (told = why));
}

bool trusted(Guest& guest, const std::string& path, const Status& found)
{
    if (found || found.error().kind == Error::Kind::not_found)
        return guest.ignored.erase(path), bool(found);
    remark(guest, path, found.error().text);
    return false;
}

std::optional<os::CommandFolder> trusted_folder(Guest& guest)
{
    const std::string path = folder_in(guest);
    Result<os::CommandFolder> folder = os::CommandFolder::open(path);
    if (trusted(guest, path, folder ? done() : Status(folder.error())))
        return std::move(*folder);
    return std::nullopt;
}

Result<std::string> path_of(Guest& guest, const std::string& name)
{
    if (!is_name(name))
        return Error{Error::Kind::not_found, {}, "the name of an own command is 1 to 64 letters, digits, _ . and -"};
    const auto folder = trusted_folder(guest);
    if (!folder || !trusted(guest, folder->path_of(name), folder->check(name)))
        return Error{Error::Kind::not_found, {}, "there is no own command '" + name + "'"};
    return folder->path_of(name);
}

std::string first_line(std::string_view text)
{
    return std::string(text.substr(0, text.find('\n')));
}

class OwnCall final : public Lease, private JobSink {
public:
    OwnCall(Guest& guest, const Context& context, OwnCommand::Request request, Then<OwnCommand> then)
        : guest_(guest), memory_(context.memory), request_(std::move(request)), then_(std::move(then))
    {
    }
    Status start(const Context& context, std::string path);

private:
    void on_output(Stream, const std::shared_ptr<Source>&) override;
    void on_input_room() override;
    void on_end(Result<ExitStatus>) override;
    Status keep(ByteView);
    void log_complaints(bool failed) const;
    Result<OwnCommand::Answer> answer(const Result<ExitStatus>&);
    void tell(Result<OwnCommand::Answer>);
    Error failure(Error::Kind kind, const std::string& what) const
    {
        return {kind, {}, "own command '" + request_.name + "' " + what};
    }

    Guest& guest_;
    Budget::Share memory_;
    OwnCommand::Request request_;
    Then<OwnCommand> then_;
    std::chrono::milliseconds time_limit_{};
    std::string out_, err_;
    std::size_t fed_ = 0;
    std::unique_ptr<Job> job_;
};

Status OwnCall::start(const Context& context, std::string path)
{
    const auto& config = guest_.facts.config;
    if (!memory_.take(request_.argument.size() + most_err))
        return failure(Error::Kind::busy, "has to wait: the peers' requests are over the limit of buffered bytes");
    Run::Request run;
    run.argv = {std::move(path)};
    run.environment = {std::string(path_for_commands), "LANG=C.UTF-8", "BELLHOP_DIALECT=" + context.dialect,
                       "BELLHOP_PEER=" + context.peer.name, "BELLHOP_COMMAND=" + request_.name};
    run.environment_is = Run::Environment::instead;
    run.directory = "/";
    run.time_limit = time_limit_ =
        std::min(request_.time_limit.value_or(config.commands.time_limit), config.commands.max_time_limit);
    run.grace = config.grace;
    run.input = Run::Input::given;
    auto job = start_run(guest_, context, std::move(run), *this);
    if (!job)
        return failure(Error::Kind::failed, "cannot start: " + job.error().text);
    job_ = std::move(*job);
    on_input_room();
    return done();
}

void OwnCall::on_input_room()
{
    const ByteView argument = bytes_of(request_.argument);
    for (bool room = true; room && fed_ < argument.size();) {
        const ByteView piece = argument.subspan(fed_, std::min(argument.size() - fed_, input_step));
        fed_ += piece.size();
        room = job_->input(piece) == Outbox::Room::more;
    }
    if (fed_ == argument.size())
        job_->end_input();
}

void OwnCall::on_output(Stream stream, const std::shared_ptr<Source>& source)
{
    while (const std::size_t there = source->available()) {
        const ByteView bytes = source->take(there);
        if (bytes.empty())
            return;
        if (stream == Stream::err)
            err_ += text_of(bytes.first(std::min(bytes.size(), most_err - err_.size())));
        else if (Status kept = keep(bytes); !kept) {
            job_.reset();
            log_complaints(true);
            return tell(std::move(kept.error()));
        }
    }
}

Status OwnCall::keep(ByteView bytes)
{
    if (bytes.size() > most_out - out_.size())
        return failure(Error::Kind::too_big, "was killed: it wrote more than " + std::to_string(most_out) + " bytes");
    if (!memory_.take(bytes.size()))
        return failure(Error::Kind::busy, "was killed: the peers' requests are over the limit of buffered bytes");
    out_ += text_of(bytes);
    return done();
}

void OwnCall::on_end(Result<ExitStatus> end)
{
    job_.reset();
    Result<OwnCommand::Answer> said = answer(end);
    log_complaints(!said || said->code != 0);
    tell(std::move(said));
}

Result<OwnCommand::Answer> OwnCall::answer(const Result<ExitStatus>& end)
{
    if (!end)
        return failure(Error::Kind::failed, "cannot start: " + end.error().text);
    if (end->how == ExitStatus::How::timed_out)
        return failure(Error::Kind::timed_out, "was killed: it took longer than " + std::to_string(time_limit_.count()) + " ms");
    OwnCommand::Answer answer{end->how == ExitStatus::How::signaled ? -end->code : end->code, std::move(out_), false,
                              first_line(err_)};
    if (answer.out.ends_with('\n'))
        answer.out.pop_back();
    answer.json = bool(json::parse(answer.out));
    return answer;
}

void OwnCall::log_complaints(bool failed) const
{
    for (std::string_view rest = err_; !rest.empty();) {
        const std::string line = first_line(rest);
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        guest_.remark(failed ? Log::Level::warning : Log::Level::info, "own command " + request_.name + ": " + line);
    }
}

void OwnCall::tell(Result<OwnCommand::Answer> answer)  // last: it may destroy us
{
    if (const auto then = std::exchange(then_, nullptr))
        then(std::move(answer));
}

}  // namespace

Begun ask_own_command(Guest& guest, const Context& context, OwnCommand::Request request, Then<OwnCommand> then)
{
    Result<std::string> path = path_of(guest, request.name);
    if (!path)
        return std::move(path.error());
    auto call = std::make_unique<OwnCall>(guest, context, std::move(request), std::move(then));
    if (Status begun = call->start(context, std::move(*path)); !begun)
        return std::move(begun.error());
    return call;
}

Status own_commands(Guest& guest, const Context& context, const OwnCommands::Request& request, OwnCommands::Answer& answer)
{
    const auto folder = trusted_folder(guest);
    if (!folder)
        return done();
    for (std::string& name : folder->names()) {
        const std::string path = folder->path_of(name);
        if (lists(request.built_in, name)) {
            remark(guest, context.dialect + " " + path, path + " is not called over " + context.dialect + ", which has its own");
            continue;
        }
        Status found =
            is_name(name)
                ? folder->check(name)
                : Status(Error{Error::Kind::bad_request, {}, path + " has another name than letters, digits, _ . and -"});
        if (trusted(guest, path, found))
            answer.names.push_back(std::move(name));
    }
    return done();
}

}  // namespace bellhop::op
