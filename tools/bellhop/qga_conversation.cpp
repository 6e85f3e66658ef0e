// SPDX-License-Identifier: Apache-2.0
// docs/dialects/qga.md.
#include "qga_conversation.hpp"

#include "base/base64.hpp"
#include "failure.hpp"
#include "text.hpp"

#include <algorithm>
#include <random>

namespace bellhop::tool {

using namespace std::chrono_literals;
using json::Members;
using json::Value;

std::uint32_t random_number()
{
    return std::random_device()();
}

const std::string& text_in(const Value& object, std::string_view name)
{
    static const std::string none;
    const std::string* text = object[name].string();
    return text ? *text : none;
}

std::string decoded(const Conversation& agent, const Value& object, std::string_view name)
{
    std::string text = text_in(object, name);
    if (base64::decode(text))
        agent.nonsense("its " + std::string(name) + " is not base64");
    return text;
}

void Conversation::send(const std::string& name, Members arguments, std::string before)
{
    Members request{{"execute", name}};
    if (!arguments.empty())
        request.emplace_back("arguments", std::move(arguments));
    deadline_ = Deadline(limits_.answer.value_or(10s));
    const std::string text = before + Value(std::move(request)).text() + "\n";
    socket_.write(bytes_of(text), Socket::More::no, deadline_);
}

bool Conversation::fill()
{
    unread_ = ByteView(buffer_).first(socket_.read(buffer_, deadline_));
    return !unread_.empty();
}

Value Conversation::next()
{
    for (;;) {
        if (auto message = reader_.next(unread_)) {
            if (!*message)
                nonsense("it sent " + printable(message->error().text));
            return std::move(**message);
        }
        if (!fill())
            return {};
    }
}

// The 0xFF before the request ends whatever half a request the agent may be keeping; the one before
// the answer is where we begin to listen.
void Conversation::synchronise()
{
    const std::int64_t id = random_number();
    send("guest-sync-delimited", {{"id", id}}, "\xFF");
    for (;;) {
        const auto mark = std::find(unread_.begin(), unread_.end(), std::byte(0xFF));
        const bool found = mark != unread_.end();
        unread_ = unread_.subspan(std::size_t(mark - unread_.begin()) + found);
        if (found) {
            const Value answer = next();
            const std::int64_t* echo = answer["return"].integer();
            if (echo && *echo == id)
                return;
            reader_.reset();
        } else if (!fill())
            throw Failure(Exit::broken, "the agent at " + where_ + " hung up without an answer");
    }
}

Value Conversation::ask(const std::string& name, Members arguments)
{
    send(name, std::move(arguments));
    Value answer = next();
    if (const Value* value = answer.find("return"))
        return *value;
    if (const Value* error = answer.find("error"))
        throw Failure(Exit::failed, "the guest refused: " + printable(text_in(*error, "desc")));
    if (!answer.is_null())
        nonsense("its answer to " + name + " is neither a return nor an error");
    if (name == "guest-shutdown" || name.starts_with("guest-suspend-"))
        return {};
    throw Failure(Exit::broken, "the agent at " + where_ + " hung up in the middle of its answer");
}

bool Conversation::knows(const std::string& name)
{
    if (!agent_)
        agent_ = ask("guest-info", {});
    if (const json::Array* commands = (*agent_)["supported_commands"].array())
        for (const Value& command : *commands)
            if (text_in(command, "name") == name)
                return command["enabled"].boolean() && *command["enabled"].boolean();
    return false;
}

void Conversation::nonsense(const std::string& what) const
{
    throw Failure(Exit::broken, "what answers at " + where_ + " does not speak QGA: " + what, "is that the agent's endpoint?");
}

}  // namespace bellhop::tool
