// SPDX-License-Identifier: Apache-2.0
// Firecracker's docs/vsock.md, "Host-initiated connections".
#include "agent/greeter.hpp"

#include <algorithm>

namespace bellhop {
namespace {

constexpr std::string_view connect_word = "CONNECT ";
constexpr std::size_t longest_line = 64;

bool is_port(std::string_view text)
{
    return !text.empty() && text.size() <= 10 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

void Greeter::on_bytes(ByteView input)
{
    if (!session_) {
        if (!asked_ && !greeted(input))
            return;
        if (!open())
            return;
    }
    if (!input.empty())
        session_->on_bytes(input);
}

bool Greeter::open()
{
    session_ = dialect_.open(outbox_, context_);
    if (!session_)
        outbox_.abandon({Error::Kind::unsupported, {}, "no conversation in " + context_.dialect + " over such a link"});
    return bool(session_);
}

void Greeter::on_attach()
{
    asked_ = true;
    if (session_ || open())  // there is one when its first bytes came before it
        session_->on_attach();
}

void Greeter::on_detach()
{
    asked_ = true;
    if (session_)
        session_->on_detach();
    session_.reset();
    line_.clear();
}

bool Greeter::greeted(ByteView& input)
{
    const std::string_view bytes = text_of(input);
    if (line_.empty() && !bytes.starts_with('C'))
        return true;
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, std::min(end, longest_line));
    const std::string_view asked = line_;
    const bool hopeless =
        asked.size() >= longest_line || asked.substr(0, connect_word.size()) != connect_word.substr(0, asked.size());
    if (end == bytes.npos && !hopeless)
        return false;
    std::string_view port = asked.substr(std::min(asked.size(), connect_word.size()));
    if (port.ends_with('\r'))
        port.remove_suffix(1);
    if (hopeless || !is_port(port)) {
        outbox_.abandon(Error{Error::Kind::bad_request, {}, "a greeting that is not CONNECT PORT"});
        return false;
    }
    outbox_.send(bytes_of("OK " + std::string(port) + "\n"));
    input = input.subspan(end + 1);
    return true;
}

void Greeter::on_room()
{
    if (session_)
        session_->on_room();
}

void Greeter::on_input_end()
{
    if (session_)
        session_->on_input_end();
    else
        outbox_.finish(Outbox::Rest::none);
}

}  // namespace bellhop
