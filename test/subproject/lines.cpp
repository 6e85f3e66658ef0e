// SPDX-License-Identifier: Apache-2.0
// Bytes come in by a call, in any fragmentation, and answers leave through the Outbox. No socket, no clock, no file.
#include "lines.hpp"

#include "greeting.hpp"

#include <bellhop/budget.hpp>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>

namespace embedder {
namespace {

using namespace bellhop;

constexpr std::size_t longest_line = 4096;

class Session final : public ChannelSession {
public:
    Session(Outbox& outbox, const Context& context) : outbox_(outbox), context_(context), memory_(context.memory) {}

    void on_bytes(ByteView bytes) override
    {
        for (std::string_view input = text_of(bytes); !input.empty();) {
            const std::size_t end = std::min(input.find('\n'), input.size());
            if (!keep(input.substr(0, end)))
                return outbox_.abandon({Error::Kind::too_big, {}, "a line that is too long"});
            if (end == input.size())
                return;
            input.remove_prefix(end + 1);
            memory_.give_back();
            on_line(std::exchange(line_, {}));
        }
    }
    void on_room() override { outbox_.pause_input(false); }
    void on_input_end() override { outbox_.finish(Outbox::Rest::none); }
    bool awaits_peer() const override { return !line_.empty(); }  // who is silent between two lines may stay

private:
    bool keep(std::string_view part)
    {
        line_ += part;
        return line_.size() <= longest_line && memory_.take(part.size());
    }
    void on_line(const std::string& line)
    {
        const std::string word = line.substr(0, line.find(' '));
        const std::string rest = line.substr(std::min(word.size() + 1, line.size()));
        if (word == "upper")
            upper(rest);
        else if (word == "greet")
            greet(rest);
        else
            answer("error: no word '" + word + "'");
    }
    void upper(std::string text)
    {
        for (char& letter : text)
            letter = char(std::toupper(static_cast<unsigned char>(letter)));
        answer(text);
    }
    void greet(std::string name)
    {
        auto greeting = context_.operations.call<Greeting>(context_, {std::move(name)});
        answer(greeting ? greeting->text : "error: " + greeting.error().text);
    }
    void answer(const std::string& line)
    {
        if (outbox_.send(bytes_of(line + "\n")) == Outbox::Room::full)
            outbox_.pause_input(true);  // who does not read what we say is not heard
    }

    Outbox& outbox_;
    const Context& context_;
    Budget::Share memory_;
    std::string line_;
};

class Lines final : public Dialect {
    std::unique_ptr<ChannelSession> open(Outbox& outbox, const Context& context) override
    {
        return std::make_unique<Session>(outbox, context);
    }
    std::string refusal(const Error& why) override { return "error: " + why.text + "\n"; }
};

}  // namespace

DialectRow lines_row()
{
    return {"lines", [](const Config&, const Context&) { return std::make_unique<Lines>(); }};
}

}  // namespace embedder
