// SPDX-License-Identifier: Apache-2.0
// docs/dialects/nova.md. Nobody but us takes away what we laid down: a request that is left would be done by the next agent that
// comes up, and an answer counts against the guest's few nodes.
#include "mailbox.hpp"

#include "failure.hpp"
#include "text.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <sys/random.h>

namespace bellhop::tool {
namespace {

using namespace std::chrono_literals;
using json::Value;

constexpr std::size_t uuid_size = 36;
constexpr auto look_again = 5s;  // an event is a hint, and a hint may be lost

std::string random_uuid()
{
    std::array<unsigned char, 16> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != ssize_t(bytes.size()))
        throw Failure(Exit::failed, "the kernel gives no random bytes");
    bytes[6] = (bytes[6] & 0x0F) | 0x40;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", unsigned(bytes[i]));
        text += i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        text += digits;
    }
    return text;
}

bool not_there(const Error& error)
{
    return error.os.value() == ENOENT;
}

// What old agents for Windows put behind a message: the escapes, not the characters.
void cut_escapes(std::string& message)
{
    constexpr std::string_view escapes = "\\r\\n";
    while (message.ends_with(escapes))
        message.resize(message.size() - escapes.size());
}

}  // namespace

class Mailbox::Letter {
public:
    explicit Letter(Mailbox& box)
        : box_(box), request_(box.home_ + "/data/host/" + uuid_), answer_(box.home_ + "/data/guest/" + uuid_)
    {
    }
    Letter(const Letter&) = delete;
    ~Letter();
    void send(const std::string& text);
    std::string wait();

private:
    Mailbox& box_;
    std::string uuid_ = random_uuid(), request_, answer_;
};

Mailbox::Letter::~Letter()
{
    try {
        const StoreLink::Undisturbed now(box_.store_);
        for (const std::string& path : {request_, answer_})
            static_cast<void>(box_.store_.remove(path));  // gone already, or the domain is: as it should be
    } catch (const Failure&) {                            // the daemon has gone, and what it kept with it
    }
}

void Mailbox::Letter::send(const std::string& text)
{
    box_.must_watch(answer_);
    const Status written = box_.store_.write(request_, text);
    if (written)
        return;
    if (const int code = written.error().os.value(); code == E2BIG || code == ENOSPC || code == EDQUOT)
        throw Failure(Exit::failed,
                      "the request has " + std::to_string(text.size()) +
                          " bytes, for which xenstored has no room: " + written.error().text,
                      "oxenstored takes 2048 bytes at most, and a domain has a thousand nodes");
    throw Failure(Exit::failed, "cannot write " + request_ + ": " + written.error().text);
}

std::string Mailbox::Letter::wait()
{
    const auto end = std::chrono::steady_clock::now() + box_.patience_;
    for (;;) {
        Result<std::string> text = box_.store_.read(answer_);
        if (text && !text->empty())
            return std::move(*text);
        if (!text && !not_there(text.error()))
            throw Failure(Exit::broken, "cannot read " + answer_ + ": " + text.error().text);
        box_.must_be_there();
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left <= 0ms)
            throw Failure(Exit::broken, "the agent of " + box_.where_ + " is silent", "--answer-timeout SECONDS waits longer");
        box_.store_.wait_for_event(Deadline(std::min<std::chrono::milliseconds>(left, look_again)));
    }
}

// ---- the domain

Mailbox::Mailbox(const Address& address, const Limits& limits)
    : where_(address.text), home_("/local/domain/" + std::to_string(address.cid)), domain_(int(address.cid)),
      patience_(limits.answer.value_or(30s)), store_(address.path, limits.connect)
{
    must_watch("@releaseDomain");
    must_be_there();
}

void Mailbox::must_watch(const std::string& path)
{
    if (const Status watched = store_.watch(path); !watched)
        throw Failure(Exit::failed, "cannot watch " + path + ": " + watched.error().text);
}

void Mailbox::must_be_there()
{
    if (!store_.introduced(domain_))
        throw Failure(Exit::unreachable, "there is no domain " + std::to_string(domain_) + " here, or no longer",
                      "a domain that reboots gets another number; xl list, or xe vm-list params=dom-id, tells it");
}

std::string Mailbox::fact(const std::string& key)
{
    const Result<std::string> value = store_.read(home_ + "/" + key);
    return value ? *value : std::string();
}

std::size_t Mailbox::most_text() const
{
    return store_.most_value(home_ + "/data/host/" + std::string(uuid_size, 'x'));
}

// ---- questions

Mailbox::Answer Mailbox::ask(std::string_view name, Value value)
{
    const std::string text = Value(json::Members{{"name", name}, {"value", std::move(value)}}).text();
    if (text.size() > most_text())
        throw Failure(Exit::failed, "the request has " + std::to_string(text.size()) +
                                        " bytes, and a message to xenstored takes " + std::to_string(most_text()));
    Letter letter(*this);
    letter.send(text);
    return understood(letter.wait());
}

Mailbox::Answer Mailbox::understood(const std::string& text) const
{
    const auto answer = json::parse(text);
    if (!answer || !answer->members())
        nonsense("its answer is not a JSON object");
    const Value &code = (*answer)["returncode"], &message = (*answer)["message"];
    if (!code.string() && !code.integer())
        nonsense("its answer has no returncode");
    if (!message.string() && !message.is_null())
        nonsense("the message of its answer is no text");
    Answer understood{code.string() ? *code.string() : code.text(), message.string() ? *message.string() : std::string()};
    cut_escapes(understood.message);
    return understood;
}

std::string Mailbox::must(std::string_view name, Value value, std::string_view code)
{
    Answer answer = ask(name, std::move(value));
    if (answer.code != code)
        throw Failure(Exit::failed,
                      "the guest refused: " + printable(answer.message) + " (returncode " + printable(answer.code) + ")");
    return std::move(answer.message);
}

void Mailbox::nonsense(const std::string& what) const
{
    throw Failure(Exit::broken, "what answers for " + where_ + " does not speak nova: " + what);
}

}  // namespace bellhop::tool
