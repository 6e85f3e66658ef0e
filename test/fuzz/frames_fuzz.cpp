// SPDX-License-Identifier: Apache-2.0
// What a host may send, from the door on: greeter, framing, JSON, the dialect. The first byte says how the rest is cut.
// libFuzzer; inputs that once broke something are in test/corpus/frames.
#include "agent/greeter.hpp"
#include "support/frames.hpp"

using namespace bellhop;
using namespace bellhop::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    Conversation host;
    host.operations.files["/f"] = std::string(70000, 'f');
    host.session = std::make_unique<Greeter>(*host.dialect, host.outbox, host.context);
    const std::size_t step = data[0] == 0 ? size : data[0];
    const std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);

    for (std::size_t at = 0; at < wire.size() && !host.outbox.finished; at += step) {
        host.says(std::string(wire.substr(at, step)));
        if (host.operations.put.input_ended && !host.outbox.finished)
            host.operations.put.ends(ExitStatus{});
        if (host.operations.run.started && !host.outbox.finished) {
            host.operations.run.writes(Stream::out, "output");
            host.operations.run.ends(ExitStatus{});
        }
    }
    if (!host.outbox.finished)
        host.session->on_input_end();
    if (host.outbox.reason && host.outbox.sent().empty())
        return 0;
    const std::string sent = host.outbox.sent();
    frames_of(sent.starts_with("OK ") ? sent.substr(sent.find('\n') + 1) : sent);
    return 0;
}
