// SPDX-License-Identifier: Apache-2.0
// What a host may send to the qga dialect: the stream of JSON, whose pieces must not matter, and the session behind it, whose
// answers must be lines. The first byte says how the rest is cut. libFuzzer; what once broke something is in test/corpus/qga.
#include "dialect/qga/qga.hpp"
#include "framing/json_stream.hpp"
#include "support/fakes.hpp"

#include <algorithm>
#include <cstdlib>

using namespace bellhop;
using namespace bellhop::test;

namespace {

void take(json_stream::Reader& reader, std::string_view text, std::string& outcome)
{
    ByteView input = bytes_of(text);
    while (auto found = reader.next(input))
        outcome += (*found ? (*found)->text() : "!" + found->error().text) + "\n";
}

void check(bool good)
{
    if (!good)
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::size_t step = data[0] == 0 ? size : data[0];
    const std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);

    json_stream::Reader whole, cut;
    std::string outcome, outcome_of_cut;
    take(whole, wire, outcome);
    World world;
    world.operations.refuses = Error{Error::Kind::denied, {}, "no"};
    const Config config;
    const auto dialect = qga::make_dialect("9.9", config, world.context);
    const auto session = dialect->open(world.outbox, world.context);
    for (std::size_t at = 0; at < wire.size(); at += step) {
        take(cut, wire.substr(at, step), outcome_of_cut);
        session->on_bytes(bytes_of(wire.substr(at, step)));
    }
    check(outcome == outcome_of_cut);
    check(world.barrier.bugs == 0);
    const std::string sent = world.outbox.sent();
    check(sent.empty() || sent.ends_with("}\n"));
    check(std::all_of(sent.begin(), sent.end(), [](char c) { return c == '\n' || c == '\xFF' || (c >= 0x20 && c < 0x7F); }));
    session->on_detach();
    check(session->idle());
    return 0;
}
