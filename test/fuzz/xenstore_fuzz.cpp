// SPDX-License-Identifier: Apache-2.0
// What a xenstored may send: its messages come out the same however they are cut, and what they hold is taken apart. The first
// byte says how it is cut.
#include "framing/xenstore.hpp"

#include <algorithm>
#include <cstdlib>

using namespace bellhop;
using namespace bellhop::xenstore;

namespace {

std::string look_at(const Message& message)
{
    std::string seen = std::to_string(unsigned(message.type)) + " " + std::to_string(message.request) + " " +
                       std::to_string(message.transaction) + " " + std::string(message.payload) + "\n";
    for (const std::string& word : words_of(message.payload))
        seen += word + ",";
    const Event event = event_of(message.payload);
    const Part part = part_of(message.payload);
    if (event.path.size() + event.token.size() > message.payload.size() ||
        part.generation.size() + part.names.size() > message.payload.size())
        std::abort();
    return seen + code_of(first_word(message.payload)).message();
}

std::string read_all(std::string_view wire, std::size_t step)
{
    std::string seen;
    Reader reader;
    for (; !wire.empty(); wire.remove_prefix(std::min(step, wire.size())))
        for (ByteView input = bytes_of(wire.substr(0, step));;) {
            const auto message = reader.next(input);
            if (!message)
                return seen + message.error().text;
            if (!*message)
                break;
            seen += look_at(**message);
        }
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (!wire.empty() && read_all(wire, wire.size()) != read_all(wire, std::size_t(data[0]) + 1))
        std::abort();
    return 0;
}
