// SPDX-License-Identifier: Apache-2.0
// docs/dialects/frames.md. The guest is not trusted: a frame's length is looked at before anything
// is kept, an answer has a size limit, output and files pass through in pieces, and every wait has
// a deadline.
#include "frames_client.hpp"

#include "failure.hpp"
#include "framing/tag_length.hpp"
#include "socket.hpp"
#include "text.hpp"

#include <algorithm>
#include <vector>

namespace bellhop::tool {
namespace {

using namespace std::chrono_literals;
using json::Members;
using json::Value;
using tag_length::Piece;
using tag_length::Tag;

constexpr std::size_t buffer_size = 256 << 10;
constexpr std::size_t longest_answer = 1 << 20;
constexpr std::size_t longest_call_answer = 8 << 20;  // a MiB that may have to be escaped
constexpr std::size_t longest_data = 1 << 20;         // of what we send

class Exchange {
public:
    Exchange(const Address& address, const Limits& limits) : where_(address.text), socket_(address, limits.connect) {}

    Socket& socket() { return socket_; }
    void ask(json::Members request, Deadline deadline);
    Piece next(Deadline deadline);
    Value answer(Deadline deadline);                          // the next frame, whole
    Value answer(const Piece& first, Deadline deadline);      // the frame that begins with `first`
    void expect(std::size_t longest) { longest_ = longest; }  // of answers
    [[noreturn]] void nonsense(const std::string& what) const;

private:
    void fill(Deadline deadline);

    std::string where_;
    Socket socket_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(buffer_size);
    ByteView unread_;
    bool heard_ = false;
    std::size_t longest_ = longest_answer;
    tag_length::Reader reader_;
};

// A request that meets a peer which hangs up is not an error yet: its last words may be waiting.
void Exchange::ask(json::Members request, Deadline deadline)
{
    const std::string text = Value(std::move(request)).text();
    socket_.write(tag_length::header(Tag::json, text.size()), Socket::More::yes, deadline);
    socket_.write(bytes_of(text), Socket::More::no, deadline);
}

Piece Exchange::next(Deadline deadline)
{
    for (;;) {
        auto piece = reader_.next(unread_);
        if (!piece)
            nonsense("it sent " + piece.error().text);
        if (*piece)
            return **piece;
        fill(deadline);
    }
}

void Exchange::fill(Deadline deadline)
{
    const std::size_t count = socket_.read(buffer_, deadline);
    if (count == 0 && heard_)
        throw Failure(Exit::broken, "the agent at " + where_ + " hung up in the middle of its answer");
    if (count == 0)
        throw Failure(Exit::broken, "the agent at " + where_ + " hung up without an answer");
    heard_ = true;
    unread_ = ByteView(buffer_).first(count);
}

Value Exchange::answer(Deadline deadline)
{
    const Piece first = next(deadline);
    if (first.tag != Tag::json)
        nonsense("it sent a frame of type " + std::to_string(int(first.tag)) + " for an answer");
    return answer(first, deadline);
}

Value Exchange::answer(const Piece& first, Deadline deadline)
{
    if (first.length > longest_)
        nonsense("its answer has " + std::to_string(first.length) + " bytes");
    std::string text(text_of(first.bytes));
    for (bool ends = first.ends; !ends;) {
        const Piece piece = next(deadline);
        text += text_of(piece.bytes);
        ends = piece.ends;
    }
    auto value = json::parse(std::move(text));
    if (!value || !(*value).members())
        nonsense("its answer is not a JSON object");
    return std::move(*value);
}

void Exchange::nonsense(const std::string& what) const
{
    throw Failure(Exit::broken, "what answers at " + where_ + " does not speak frames: " + what, "is that the agent's endpoint?");
}

Value must_be_ok(Value answer)
{
    const bool* ok = answer["ok"].boolean();
    if (ok && *ok)
        return answer;
    const std::string* error = answer["error"].string();
    throw Failure(Exit::failed, "the guest refused: " + (error ? printable(*error) : std::string("it gave no reason")));
}

// Gives how much it did not send: an agent may answer before it has everything, because it has
// refused and reads no further. Its word ends the sending.
std::int64_t send(Socket& socket, const PutRequest& request, int file, std::chrono::milliseconds silence,
                  const std::function<void(std::size_t)>& on_sent)
try {
    std::int64_t left = request.size;
    for (bool listening = true; left > 0 && listening;) {
        const auto chunk = std::size_t(std::min<std::int64_t>(left, longest_data));
        std::size_t unsent = chunk;
        listening =
            socket.write(tag_length::header(Tag::data, chunk), Socket::More::yes, Deadline(silence)) == tag_length::header_size;
        while (unsent > 0 && listening) {
            const std::size_t sent = socket.send_file(file, unsent, Deadline(silence));
            listening = sent > 0;
            unsent -= sent;
            left -= std::int64_t(sent);
            on_sent(sent);
        }
    }
    return left;
} catch (Failure& failure) {
    if (failure.exit == Exit::failed)
        throw Failure(Exit::failed, "cannot send " + request.local + ": " + failure.what());
    throw;
}

}  // namespace

Value FramesClient::ask(json::Members request) const
{
    Exchange conversation(address_, limits_);
    const Deadline deadline(limits_.answer.value_or(10s));
    conversation.ask(std::move(request), deadline);
    return must_be_ok(conversation.answer(deadline));
}

Value FramesClient::ping() const
{
    return ask({{"v", 1}, {"op", "ping"}});
}

Value FramesClient::info() const
{
    return ask({{"v", 1}, {"op", "info"}});
}

Value FramesClient::run(const RunRequest& request, const std::function<void(Stream, ByteView)>& on_output) const
{
    std::optional<std::chrono::milliseconds> silence = limits_.answer;
    if (!silence && request.timeout && *request.timeout > 0)
        silence = std::chrono::milliseconds(std::int64_t(*request.timeout * 1000)) + 10s;
    Exchange conversation(address_, limits_);
    conversation.ask({{"v", 1},
                      {"op", "run"},
                      {"cmd", request.command},
                      {"shell", request.shell},
                      {"timeout", request.timeout ? Value(*request.timeout) : Value()},
                      {"env", request.environment}},
                     Deadline(limits_.answer.value_or(10s)));
    for (;;) {
        const Piece piece = conversation.next(Deadline(silence));
        if (piece.tag == Tag::json)
            return must_be_ok(conversation.answer(piece, Deadline(limits_.answer.value_or(10s))));
        if (piece.tag != Tag::out && piece.tag != Tag::err)
            conversation.nonsense("it sent a frame of type " + std::to_string(int(piece.tag)) + " amid the output of a command");
        on_output(piece.tag == Tag::out ? Stream::out : Stream::err, piece.bytes);
    }
}

void FramesClient::put(const PutRequest& request, int file, const std::function<void(std::size_t)>& on_sent) const
{
    const auto silence = limits_.answer.value_or(60s);
    Exchange conversation(address_, limits_);
    Socket& socket = conversation.socket();
    json::Members words{{"v", 1}, {"op", "put_file"}, {"path", request.path}, {"size", request.size}};
    words.emplace_back("mode", request.mode ? Value(*request.mode) : Value());
    if (!request.name.empty())
        words.emplace_back("name", request.name);
    conversation.ask(std::move(words), Deadline(silence));

    const std::int64_t left = send(socket, request, file, silence, on_sent);
    if (left == 0)
        socket.write(tag_length::header(Tag::eof, 0), Socket::More::no, Deadline(silence));
    must_be_ok(conversation.answer(Deadline(limits_.answer.value_or(10s))));
    if (left > 0)
        conversation.nonsense("it took the file before all of it was sent");
}

FileFacts FramesClient::get(const std::string& path, const std::function<void(const FileFacts&)>& on_facts,
                            const std::function<void(ByteView)>& on_data) const
{
    const auto silence = limits_.answer.value_or(60s);
    Exchange conversation(address_, limits_);
    conversation.ask({{"v", 1}, {"op", "get_file"}, {"path", path}}, Deadline(silence));
    const Value answer = must_be_ok(conversation.answer(Deadline(silence)));
    const std::int64_t *mode = answer["mode"].integer(), *size = answer["size"].integer();
    if (!mode || *mode < 0)
        conversation.nonsense("it sent a file without a mode");
    const FileFacts facts{*mode & 07777, size ? *size : 0};
    on_facts(facts);
    for (;;) {
        const Piece piece = conversation.next(Deadline(silence));
        if (piece.tag == Tag::eof)
            return facts;
        if (piece.tag != Tag::data)
            conversation.nonsense("it sent a frame of type " + std::to_string(int(piece.tag)) + " amid a file");
        on_data(piece.bytes);
    }
}

CallAnswer FramesClient::call(const CallRequest& request) const
{
    Value argument;
    if (request.argument) {
        auto given = json::parse(*request.argument);
        if (!given)
            throw Failure(Exit::usage, "the argument is not JSON: " + printable(*request.argument),
                          "a text has quotes, as in: bellhop call free-space '\"/srv\"'");
        argument = std::move(*given);
    }
    const auto time = std::chrono::milliseconds(std::int64_t(request.timeout.value_or(60) * 1000)) + 10s;
    const Deadline deadline(limits_.answer.value_or(time));
    Exchange conversation(address_, limits_);
    conversation.expect(longest_call_answer);
    Members members{{"v", 1}, {"op", "call"}, {"name", request.name}, {"args", std::move(argument)}};
    if (request.timeout)
        members.emplace_back("timeout", *request.timeout);
    conversation.ask(std::move(members), deadline);
    const Value answer = must_be_ok(conversation.answer(deadline));
    const std::int64_t* code = answer["code"].integer();
    if (!code)
        conversation.nonsense("it does not say how the command ended");
    const Value& out = answer["out"];
    CallAnswer told{{{"code", *code}, {"out", out}}, out.string() ? *out.string() : out.text(), {}};
    if (*code == 0)
        return told;
    const std::string* line = answer["stderr"].string();
    told.members.emplace_back("stderr", answer["stderr"]);
    told.trouble = printable(request.name) + " ended with " + std::to_string(*code) +
                   (line && !line->empty() ? ": " + printable(*line) : "");
    return told;
}

void FramesClient::set_password(const std::string&, const Secret&) const
{
    throw Failure(Exit::usage, "frames has no passwords", "qga has, and nova over XenStore");
}

}  // namespace bellhop::tool
