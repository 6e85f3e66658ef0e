// SPDX-License-Identifier: Apache-2.0
// The frames dialect, and the one to copy for a new dialect over a byte link.
//
// A state machine that is called and never waits: on_bytes() from the link, on_output() and on_end() from the job, on_room()
// when the peer has caught up. It sees no descriptor and no clock: output goes from the child's pipe to the peer by promise
// (send_from), so 64 KiB of it cost this file five bytes. A host that hangs up needs no code here: the channel destroys the
// session, the session drops job_, and the job takes the command's whole group with it.
//
// The words: docs/dialects/frames.md.
#include "dialect/frames/session.hpp"

#include "dialect/frames/answers.hpp"

#include <bellhop/op/get_file.hpp>
#include <bellhop/op/info.hpp>
#include <bellhop/op/reach.hpp>
#include <bellhop/op/run.hpp>

#include <algorithm>
#include <cmath>

namespace bellhop::frames {
namespace {

constexpr std::size_t free_of_charge = 4096;
// execve(2) takes no longer string and not more in all; what it would refuse need not be kept until then.
constexpr std::size_t longest_string = 128 << 10, most_environment = 2 << 20;
constexpr const char* too_long = "spawn failed: [Errno 7] Argument list too long";

bool has_nul(std::string_view text)
{
    return text.find('\0') != text.npos;
}

Result<std::vector<std::string>> environment_of(const json::Value& env)
{
    std::vector<std::string> variables;
    if (!env.is_null() && !env.members())
        return Error{Error::Kind::bad_request, {}, "bad 'env'"};
    for (const auto& [name, value] : env.members() ? *env.members() : json::Members())
        if (std::string text = text_of_value(value);
            name.empty() || name.find('=') != name.npos || has_nul(name) || has_nul(text))
            return Error{Error::Kind::bad_request, {}, "bad 'env': '" + quoted(name.substr(0, name.find('\0'))) + "'"};
        else
            variables.push_back(name + "=" + text);
    return variables;
}

}  // namespace

Session::Session(const Options& options, Outbox& outbox, const Context& context)
    : options_(options), outbox_(outbox), context_(context), reader_(options.config.limits.frame), memory_(context.memory)
{
}

// ---- what the host says

void Session::on_bytes(ByteView input)
{
    while (state_ != State::over) {
        if (reaching_) {
            rest_ += text_of(input);
            return;
        }
        Result<std::optional<tag_length::Piece>> piece = reader_.next(input);
        if (!piece) {
            state_ = State::over;
            return outbox_.abandon(std::move(piece.error()));
        }
        if (!*piece)
            return;
        on_piece(**piece);
    }
}

void Session::on_input_end()  // what has begun goes on: the host still listens
{
    if (!awaits_peer())
        return;
    state_ = State::over;
    outbox_.abandon({Error::Kind::bad_request, {}, "the end of input in the middle of a request"});
}

void Session::on_piece(const tag_length::Piece& piece)
{
    if (upload_)
        return upload_->on_piece(piece);
    if (state_ == State::busy)
        return;  // one request a connection: what follows is ignored
    Error wrong{Error::Kind::bad_request, {}, {}};
    if (piece.tag != Tag::json)
        wrong.text = "a first frame that is not JSON";
    else if (!charge(piece.bytes.size()))
        wrong = {Error::Kind::busy, {}, "unfinished requests over the limit of buffered bytes"};
    else {
        text_ += text_of(piece.bytes);
        if (!piece.ends)
            return;
        Result<json::Value> request = json::parse(std::exchange(text_, {}));
        if (request && request->members()) {
            state_ = State::busy;
            return on_request(*request);
        }
        wrong.text = request ? "a request that is no JSON object" : request.error().text;
    }
    state_ = State::over;
    outbox_.abandon(std::move(wrong));  // no answer: who cannot speak would not read one
}

// The beginning of a request is everyone's, so that a few who hold back the end of a large one do not lock the others out. What
// has been charged stays so until the conversation is over: parts of the request live on in what it began.
bool Session::charge(std::size_t more)
{
    const std::size_t before = std::max(text_.size(), free_of_charge);
    const std::size_t after = std::max(text_.size() + more, free_of_charge);
    return memory_.take(after - before);
}

void Session::on_request(const json::Value& request)
{
    static constexpr std::pair<std::string_view, Handler> verbs[] = {
        {"call", &Session::call}, {"get_file", &Session::get_file}, {"info", &Session::info},
        {"ping", &Session::ping}, {"put_file", &Session::put_file}, {"run", &Session::run},
    };
    const json::Value* version = request.find("v");
    if (version && version->number() != 1)
        return refuse("unsupported protocol version " + quoted(version->text()), Outbox::Rest::some);
    const std::string name = text_of_value(request["op"]);
    for (const auto& [verb, handler] : verbs)
        if (verb == name) {
            if (!must_reach(request, handler))
                (this->*handler)(request);
            return;
        }
    refuse("unknown op '" + quoted(name) + "'", Outbox::Rest::some);
}

// A file system that does not answer is found out by a child, and not here.
bool Session::must_reach(const json::Value& request, Handler handler)
{
    const std::string* path = request["path"].string();
    if (!options_.own || !path || has_nul(*path) || (handler != &Session::get_file && handler != &Session::put_file))
        return false;
    const Context& own = *options_.own;
    const auto foreign = own.operations.call<op::MayHang>(own, {{*path}});
    if (!foreign || !foreign->one_may)
        return false;
    auto begun = own.operations.ask<op::Reach>(own, {{*path}}, [this, request, handler](const auto& reached) {
        const Status status = reached ? done() : Status(reached.error());
        context_.barrier.enter(&Session::on_reached, this, request, handler, status);
    });
    if (!begun)
        return false;
    call_ = std::move(*begun);
    reaching_ = true;
    outbox_.pause_input(true);
    return true;
}

void Session::on_reached(const json::Value& request, Handler handler, const Status& reached)
{
    reaching_ = false;
    if (!reached)
        unreached_ = reached.error();
    outbox_.pause_input(false);
    (this->*handler)(request);
    const std::string rest = std::exchange(rest_, {});
    on_bytes(bytes_of(rest));
    call_.reset();
}

// ---- the verbs

void Session::ping(const json::Value&)
{
    answer(json::Members{{"ok", true}, {"op", "pong"}, {"agent_version", options_.agent_version}, {"proto", 1}});
}

void Session::info(const json::Value&)
{
    auto info = context_.operations.call<op::Info>(context_, {});
    if (!info)
        return refuse(host_text(info.error()));
    answer(info_answer(*info));
}

void Session::run(const json::Value& request)
{
    const std::string* command = request["cmd"].string();
    if (!command || command->empty())
        return refuse_run("missing 'cmd'");
    const json::Value& limit = request["timeout"];
    time_limit_ = std::min(limit.number().value_or(limit.is_null() ? 0 : -1), longest_limit);
    if (time_limit_ < 0)
        return refuse_run("bad 'timeout'");
    auto environment = environment_of(request["env"]);
    if (!environment)
        return refuse_run(environment.error().text);
    if (has_nul(*command))
        return refuse_run("spawn failed: embedded null byte");
    std::size_t in_all = 0;
    bool fits = command->size() < longest_string;
    for (const std::string& variable : *environment) {
        in_all += variable.size() + 1;
        fits = fits && variable.size() < longest_string;
    }
    if (!fits || in_all > most_environment)
        return refuse_run(too_long);

    const bool raw = text_of_value(request["shell"]) == "raw";
    op::Run::Request run;
    run.argv = {raw ? "/bin/sh" : options_.shell, raw ? "-c" : "-lc", *command};
    run.environment = std::move(*environment);
    run.time_limit = std::chrono::milliseconds(std::int64_t(std::ceil(time_limit_ * 1000)));
    run.grace = options_.config.grace;
    auto job = context_.operations.start<op::Run>(context_, std::move(run), *this);
    if (!job)
        return on_end(std::move(job.error()));
    job_ = std::move(*job);
}

void Session::on_output(Stream stream, const std::shared_ptr<Source>& source)
{
    if (send_some(stream == Stream::out ? Tag::out : Tag::err, source) == Outbox::Room::full)
        job_->hold(true);
}

void Session::on_end(Result<ExitStatus> end)
{
    job_.reset();
    if (!end)
        return refuse_run("spawn failed: " + host_text(end.error()));
    const bool timed_out = end->how == ExitStatus::How::timed_out;
    answer(timed_out ? timeout_answer(time_limit_) : exit_answer(*end));
}

void Session::put_file(const json::Value& request)
{
    upload_.emplace(outbox_, context_, std::bind_front(&Session::on_uploaded, this));
    upload_->start(request, unreached_);
}

void Session::on_uploaded(const std::optional<std::string>& error)
{
    if (error)
        return refuse(*error, Outbox::Rest::some);
    answer(json::Members{{"ok", true}}, Outbox::Rest::some);  // the host may add an EOF frame
}

void Session::get_file(const json::Value& request)
{
    const std::string* path = request["path"].string();
    if (!path || path->empty())
        return refuse("missing 'path'");
    if (has_nul(*path))
        return refuse("embedded null byte");
    auto file = unreached_ ? Result<op::GetFile::Answer>(*unreached_) : context_.operations.call<op::GetFile>(context_, {*path});
    if (!file)
        return refuse(host_text(file.error()) + (file.error().os ? ": '" + quoted(*path) + "'" : ""));
    outbox_.send(bytes_of(frame_of(json::Members{{"ok", true}, {"mode", file->mode}, {"size", file->size}})));
    file_ = std::move(file->bytes);
    send_file_on();
}

void Session::send_file_on()
{
    if (send_some(Tag::data, file_) == Outbox::Room::full)
        return;  // on_room() goes on
    outbox_.send(tag_length::header(Tag::eof, 0));
    state_ = State::over;
    outbox_.finish(Outbox::Rest::none);
}

void Session::on_room()
{
    if (job_)
        job_->hold(false);
    if (file_)
        send_file_on();
}

// ---- what the host hears

Outbox::Room Session::send_some(Tag tag, const std::shared_ptr<Source>& source)
{
    Outbox::Room room = Outbox::Room::more;
    while (source->available() > 0 && room == Outbox::Room::more) {
        const std::size_t count = std::min(source->available(), tag_length::max_chunk);
        outbox_.send(tag_length::header(tag, count));
        room = outbox_.send_from(source, count);
    }
    return room;
}

void Session::answer(const json::Value& value, Outbox::Rest rest)
{
    outbox_.send(bytes_of(frame_of(value)));
    state_ = State::over;
    outbox_.finish(rest);
}

void Session::refuse(std::string text, Outbox::Rest rest)
{
    answer(error_answer(std::move(text)), rest);
}

void Session::refuse_run(std::string text)
{
    answer(json::Members{{"ok", false}, {"op", "error"}, {"error", std::move(text)}});
}

}  // namespace bellhop::frames
