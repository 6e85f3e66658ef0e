// SPDX-License-Identifier: Apache-2.0
// A request is one JSON object, its answer one line. While one is being answered the peer is not read any further: what it has
// sent already waits in rest_ (one read of the link at most), the remainder in the kernel.
#include "dialect/qga/session.hpp"

#include "dialect/qga/files.hpp"
#include "dialect/qga/text.hpp"

#include <bellhop/op/open_file.hpp>
#include <bellhop/op/reach.hpp>
#include <bellhop/op/run.hpp>

namespace bellhop::qga {
namespace {

constexpr std::size_t free_of_charge = 16 << 10;
constexpr std::size_t most_calls = 128;  // of all peers, those that hung up among them: some take minutes, and a process each

json::Value error_value(std::string desc, std::string_view error_class)
{
    return json::Members{{"class", error_class}, {"desc", std::move(desc)}};
}

std::vector<std::string> paths_in(const json::Members& arguments)
{
    std::vector<std::string> paths;
    for (const auto& [name, value] : arguments)
        if (const std::string* path = name == "path" || name == "cwd" ? value.string() : nullptr; path && !path->empty())
            paths.push_back(*path);
    return paths;
}

// One that is open, and on a file system that may not answer any more.
std::shared_ptr<op::OpenedFile> foreign_file_in(const json::Members& arguments, const State& state)
{
    for (const auto& [name, value] : arguments)
        if (const std::int64_t* handle = name == "handle" && state.files ? value.integer() : nullptr)
            if (const auto found = state.files->open.find(*handle); found != state.files->open.end() && found->second->may_hang())
                return found->second;
    return nullptr;
}

}  // namespace

Session::Session(State& state, Outbox& outbox, const Context& link)
    : state_(state), outbox_(outbox), link_(link),
      asker_(std::make_shared<const Context>(
          Context{link.peer, link.dialect, state.own.operations, state.own.timers, state.own.barrier, state.own.memory})),
      reader_({}, &state.spare.request), memory_(link.memory)
{
}

Session::~Session()
{
    forget_call();
}

void Session::forget_call()
{
    if (call_)
        call_->asker_ = nullptr;
    call_ = nullptr;
}

// ---- what the host says

void Session::on_bytes(ByteView input)
{
    if (rest_.empty() && !busy() && !going_on_)
        return take(input);
    rest_ += text_of(input);
    go_on();
}

void Session::on_input_end()
{
    input_ended_ = true;
    go_on();
}

void Session::on_attach()
{
    persistent_ = true;
}

void Session::on_detach()  // the next host starts afresh
{
    persistent_ = true;
    forget_call();
    long_.reset();
    std::string().swap(part_);
    tail_.clear();
    rest_.clear();
    reader_.reset();
    plain_sync_ = full_ = false;
    go_on();
}

void Session::go_on()
{
    if (going_on_)
        return;
    const std::string input = std::exchange(rest_, {});
    take(bytes_of(input));
}

void Session::take(ByteView input)
{
    going_on_ = true;
    while (!busy()) {
        auto message = reader_.next(input);
        const std::size_t kept = std::max(reader_.kept(), free_of_charge) - free_of_charge;
        if (!reader_.in_message()) {
            memory_.give_back();
            charged_ = 0;
        } else if (kept > charged_) {
            if (!memory_.take(kept - charged_)) {  // one error; the rest of it is skipped like that of any broken message
                reader_.skip_message();
                memory_.give_back();
                charged_ = 0;
                send_error("unfinished requests over the limit of buffered bytes", "GenericError", nullptr);
            } else
                charged_ = kept;
        }
        if (!message)
            break;
        on_message(std::move(*message));
    }
    rest_.insert(0, text_of(input));
    going_on_ = false;
    if (paused_ != busy())
        outbox_.pause_input(paused_ = busy());
    if (input_ended_ && !busy())
        outbox_.finish(Outbox::Rest::none);
}

void Session::on_message(Result<json::Value> message)
{
    if (!message)
        return send_error(std::move(message.error().text), "GenericError", nullptr);
    if (json::Members* request = message->members())
        return start(std::move(*request));
    send_error("QMP input must be a JSON object", "GenericError", nullptr);
}

void Session::start(json::Members request)
{
    std::optional<json::Value> execute, arguments, id;
    std::string unexpected;
    for (auto& [name, value] : request)
        if (name == "execute")
            execute = std::move(value);
        else if (name == "arguments")
            arguments = std::move(value);
        else if (name == "id")
            id = std::move(value);
        else if (unexpected.empty())
            unexpected = "QMP input member '" + name + "' is unexpected";
    const auto refuse = [&](std::string desc, std::string_view error_class = "GenericError") {
        send_error(std::move(desc), error_class, id ? &*id : nullptr);
    };
    if (execute && !execute->string())
        return refuse("QMP input member 'execute' must be a string");
    if (arguments && !arguments->members())
        return refuse("QMP input member 'arguments' must be an object");
    if (!unexpected.empty())
        return refuse(unexpected);
    if (!execute)
        return refuse("QMP input lacks member 'execute'");
    const std::string& name = *execute->string();
    const Command* command = find_command(name);
    if (!command)
        return refuse("The command " + name + " has not been found", "CommandNotFound");
    if (const auto why = disabled(*command, state_, *asker_))
        return refuse("Command " + name + " has been disabled: " + *why, "CommandNotFound");
    const bool about_freezing = command->frozen == Command::Frozen::allowed;  // what thaws has places of its own
    if (state_.calls.size() >= most_calls * (about_freezing ? 2 : 1))
        return refuse("too many requests are being answered");

    state_.calls.push_back(std::make_unique<Call>(state_, this, asker_, *command, id ? std::move(*id) : json::Value()));
    call_ = state_.calls.back().get();
    call_->has_id_ = id.has_value();
    plain_sync_ = plain_sync_ || name == "guest-sync";
    call_->plain_sync_ = plain_sync_;
    call_->delimited_ = name == "guest-sync-delimited";
    call_->start(arguments ? std::move(*arguments->members()) : json::Members());
}

// ---- what it hears

void Session::say(std::string_view text)
{
    full_ = outbox_.send(bytes_of(text)) == Outbox::Room::full;
}

void Session::send_error(std::string desc, std::string_view error_class, const json::Value* id)
{
    json::Members answer{{"error", error_value(std::move(desc), error_class)}};
    if (id)
        answer.emplace_back("id", *id);
    std::string line;
    write(line, answer);
    say(line += '\n');
}

void Session::on_answer(const Call& call, json::Value member, std::string_view name)
{
    json::Members answer;
    answer.emplace_back(name, std::move(member));
    if (call.has_id_)
        answer.emplace_back("id", call.id_);
    std::string line = call.delimited_ && name == "return" ? "\xFF" : "";
    write(line, answer);
    call_ = nullptr;
    say(line += '\n');
    go_on();
}

void Session::on_silence()
{
    call_ = nullptr;
    go_on();
}

void Session::on_long_answer(const Call& call, std::unique_ptr<LongAnswer> answer)
{
    std::string().swap(part_);
    part_.swap(state_.spare.text);
    part_ = "{\"return\": ";
    tail_.clear();
    if (call.has_id_)
        write(tail_ += ", \"id\": ", call.id_);
    tail_ += "}\n";
    call_ = nullptr;
    long_ = std::move(answer);
    pump();
}

void Session::pump()
{
    while (long_->next(part_)) {
        full_ = outbox_.send_part(bytes_of(part_)) == Outbox::Room::full;
        part_.clear();
        if (full_)
            return;  // on_room() goes on
    }
    long_.reset();
    say(part_ += tail_);
    state_.spare.keep(state_.spare.text, std::exchange(part_, {}));
    go_on();
}

void Session::on_room()
{
    full_ = false;
    if (long_)
        pump();
    else
        go_on();
}

// ---- the call's half

// A file that cannot be reached is found out by a child, and not here.
void Call::start(json::Members members)
{
    op::Reach::Request what;
    if (command_.needs == &op::OpenFile::info || command_.needs == &op::Run::info)
        what = {paths_in(members), foreign_file_in(members, state_)};
    auto given = std::make_shared<Arguments>(std::move(members));
    const auto foreign = what.paths.empty() ? Result<op::MayHang::Answer>(op::MayHang::Answer())
                                            : state_.own.operations.call<op::MayHang>(state_.own, {what.paths});
    if (!what.file && (!foreign || !foreign->one_may))
        return command_.start(*this, *given);
    const std::string name = what.file ? "the file" : "'" + what.paths.front() + "'";
    auto lease = state_.own.operations.ask<op::Reach>(state_.own, std::move(what), [this, given, name](const auto& reached) {
        reached ? command_.start(*this, *given) : fail("cannot reach " + name + ": " + reached.error().text);
    });
    if (!lease)
        return fail(std::move(lease.error().text));
    hold(std::move(*lease));
}

std::unique_ptr<Call> Call::leave()
{
    for (auto at = state_.calls.begin(); at != state_.calls.end(); ++at)
        if (at->get() == this) {
            std::unique_ptr<Call> self = std::move(*at);
            state_.calls.erase(at);
            return self;
        }
    return nullptr;
}

void Call::answer(json::Value value)
{
    const std::unique_ptr<Call> self = leave();
    if (asker_)
        asker_->link_.barrier.enter(&Session::on_answer, asker_, *this, std::move(value), "return");
}

void Call::answer(std::unique_ptr<LongAnswer> answer)
{
    const std::unique_ptr<Call> self = leave();
    if (asker_)
        asker_->link_.barrier.enter(&Session::on_long_answer, asker_, *this, std::move(answer));
}

void Call::done()
{
    if (command_.answers == Command::Answers::always)
        return answer(json::Members());
    const std::unique_ptr<Call> self = leave();
    if (asker_)
        asker_->link_.barrier.enter(&Session::on_silence, asker_);
}

void Call::fail(std::string desc, std::string_view error_class)
{
    const std::unique_ptr<Call> self = leave();
    if (asker_)
        asker_->link_.barrier.enter(&Session::on_answer, asker_, *this, error_value(std::move(desc), error_class), "error");
}

bool Call::refused(Arguments& arguments)
{
    std::optional<std::string> why = arguments.wrong();
    if (why)
        fail(std::move(*why));
    return why.has_value();
}

}  // namespace bellhop::qga
