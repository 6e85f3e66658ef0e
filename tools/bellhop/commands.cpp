// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"

#include "base/base64.hpp"
#include "failure.hpp"
#include "info_table.hpp"
#include "local_file.hpp"
#include "output.hpp"
#include "password.hpp"
#include "progress.hpp"
#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <unistd.h>

namespace bellhop::tool {
namespace {

using namespace std::chrono_literals;
using json::Members;
using json::Value;
using Clock = std::chrono::steady_clock;

constexpr std::size_t most_collected = 64 << 20;  // of run --json

std::unique_ptr<Client> client_of(const Options& options, const Limits& limits)
{
    return make_client(parse_address(options.at), limits);
}

double milliseconds_since(Clock::time_point start)
{
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::string version_in(const Value& answer)
{
    const std::string* version = answer["agent_version"].string();
    return version ? printable(*version) : "of unknown version";
}

double rounded(double value)
{
    return std::round(value * 1000) / 1000;
}

void say_json(Members members)
{
    say(Value(std::move(members)).text());
}

int ping(const Options& options)
{
    const auto client = client_of(options, options.limits);
    const auto start = Clock::now();
    const Value answer = client->ping();
    const double took = milliseconds_since(start);
    char text[32];
    std::snprintf(text, sizeof text, "%.2f ms", took);
    if (options.json)
        say_json({{"ok", true},
                  {"agent_version", answer["agent_version"]},
                  {"proto", answer["proto"]},
                  {"round_trip_ms", rounded(took)}});
    else
        say("agent " + version_in(answer) + " answers on " + options.at + " in " + text);
    return 0;
}

// The answer to the first ping that has one, and which it was. New connections all along: a probe
// that a booting guest has swallowed is not waited for longer than a second at first.
std::pair<Value, int> first_pong(const Options& options, Clock::time_point end)
{
    // A request in XenStore waits there for its agent by itself.
    const bool lasts = parse_address(options.at).kind == Address::Kind::xenstore;
    auto pause = 10ms, attempt = 1000ms;
    for (int tries = 1;; ++tries) {
        const auto left = std::max(1ms, std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()));
        try {
            const Limits limits{std::min({attempt, left, options.limits.connect}),
                                lasts ? left : std::min({attempt, left, options.limits.answer.value_or(10s)})};
            return {client_of(options, limits)->ping(), tries};
        } catch (const Failure& failure) {
            if (failure.exit == Exit::usage)
                throw;
            if (Clock::now() + pause >= end)
                throw Failure(Exit::unreachable,
                              "gave up after " + std::to_string(tries) + (tries == 1 ? " try: " : " tries: ") + failure.what(),
                              "wait --timeout SECONDS waits longer");
        }
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, 500ms);
        attempt = std::min(attempt * 2, 10'000ms);
    }
}

int wait(const Options& options)
{
    const auto start = Clock::now();
    const auto [answer, tries] = first_pong(options, start + options.patience);
    const double waited = milliseconds_since(start);
    if (options.json)
        say_json({{"ok", true}, {"agent_version", answer["agent_version"]}, {"waited_ms", rounded(waited)}, {"tries", tries}});
    else
        say("agent " + version_in(answer) + " answers on " + options.at);
    return 0;
}

int info(const Options& options)
{
    const Value answer = client_of(options, options.limits)->info();
    if (options.json)
        say(answer.text());
    else
        write_all(STDOUT_FILENO, bytes_of(info_table(answer)), "stdout");
    return 0;
}

bool op_is(const Value& answer, std::string_view word)
{
    const std::string* op = answer["op"].string();
    return op && *op == word;
}

int exit_code_of(const Value& answer)
{
    const std::int64_t* code = answer["exit_code"].integer();
    if (op_is(answer, "timeout"))
        return int(Exit::time_limit);
    if (!op_is(answer, "exit") || !code)
        throw Failure(Exit::broken, "the agent's answer does not say how the command ended");
    return *code < 0 ? 128 - int(std::max<std::int64_t>(*code, -127)) : int(*code & 255);
}

int run_streaming(const Options& options)
{
    const Value answer = client_of(options, options.limits)->run(options.run, [](Stream stream, ByteView bytes) {
        if (stream == Stream::out)
            write_all(STDOUT_FILENO, bytes, "stdout");
        else
            write_all(STDERR_FILENO, bytes, "stderr");
    });
    if (op_is(answer, "timeout"))
        complain("the command was killed at its time limit of " + printable(answer["timeout"].text()) + " s", {});
    return exit_code_of(answer);
}

void add_output(Members& members, const std::string& name, const std::string& bytes)
{
    members.emplace_back(name, bytes);  // what is not UTF-8 becomes U+FFFD there
    if (is_utf8(bytes))
        return;
    std::string encoded;
    base64::encode(encoded, bytes_of(bytes));
    members.emplace_back(name + "_base64", std::move(encoded));
}

int run_collecting(const Options& options)
{
    std::string out, err;
    const Value answer = client_of(options, options.limits)->run(options.run, [&out, &err](Stream stream, ByteView bytes) {
        if (out.size() + err.size() + bytes.size() > most_collected)
            throw Failure(Exit::failed, "the command printed more than 64 MiB",
                          "without --json its output is streamed, whatever its size");
        (stream == Stream::out ? out : err) += text_of(bytes);
    });
    const int code = exit_code_of(answer);
    Members members;
    for (const auto& [name, value] : *answer.members())
        if (!name.starts_with("std"))
            members.emplace_back(name, value);
    if (op_is(answer, "timeout"))  // the member is there all the same, and null
        members.emplace_back("exit_code", answer["exit_code"]);
    add_output(members, "stdout", out);
    add_output(members, "stderr", err);
    say_json(std::move(members));
    return code;
}

void say_copied(const Progress& progress, const std::string& path, std::optional<std::int64_t> mode)
{
    Members members{{"ok", true}, {"path", path}, {"bytes", progress.bytes()}, {"seconds", rounded(progress.seconds())}};
    if (mode)
        members.emplace_back("mode", *mode);
    say_json(std::move(members));
}

int put(const Options& options)
{
    const auto client = client_of(options, options.limits);
    const Source source = open_source(options.local);
    PutRequest request{options.local, options.remote, {}, source.mode, false, source.size};
    if (options.mode)
        request.mode = options.mode;
    request.mode_wanted = options.mode.has_value();
    if (options.local != "-")
        request.name = std::filesystem::path(options.local).filename();
    if (!is_utf8(request.name))
        throw Failure(Exit::usage,
                      "the name of " + printable(options.local) + " is not UTF-8, which is all that the protocol carries",
                      "put it from stdin, to a full name: bellhop put - REMOTE < LOCAL");
    Progress progress(request.name.empty() ? "stdin" : request.name, Progress::Where::terminal);
    progress.expect(source.size);
    client->put(request, source.file.get(), [&progress](std::size_t count) { progress.add(count); });
    if (options.json)
        say_copied(progress, options.remote, request.mode);
    return 0;
}

int get(const Options& options)
{
    const auto client = client_of(options, options.limits);
    const std::string path = target_path(options.local, options.remote);
    const bool shown = options.local == "-" && ::isatty(STDOUT_FILENO);  // a bar amid the text would spoil it
    Progress progress(std::filesystem::path(options.remote).filename(),
                      shown ? Progress::Where::nowhere : Progress::Where::terminal);
    std::optional<Target> target;
    const FileFacts facts = client->get(
        options.remote,
        [&progress, &target, &path](const FileFacts& expected) {
            target.emplace(path);
            progress.expect(expected.size);
        },
        [&progress, &target](ByteView bytes) {
            target->write(bytes);
            progress.add(bytes.size());
        });
    target->publish(facts.mode);
    if (options.json)
        say_copied(progress, path, facts.mode & 0777);
    return 0;
}

int call(const Options& options)
{
    CallAnswer answer = client_of(options, options.limits)->call(options.call);
    if (options.json) {
        answer.members.emplace(answer.members.begin(), "ok", true);
        say_json(std::move(answer.members));
    } else if (answer.trouble.empty() || !answer.text.empty())
        say(answer.text);
    if (answer.trouble.empty())
        return 0;
    if (!options.json)
        complain(answer.trouble, {});
    return int(Exit::failed);
}

int password(const Options& options)
{
    const auto client = client_of(options, options.limits);
    client->set_password(options.user, read_password(options.user));
    if (options.json)
        say_json({{"ok", true}, {"user", options.user}});
    return 0;
}

}  // namespace

int perform(const Options& options)
{
    const std::string& command = options.command;
    return command == "ping"       ? ping(options)
           : command == "wait"     ? wait(options)
           : command == "info"     ? info(options)
           : command == "put"      ? put(options)
           : command == "get"      ? get(options)
           : command == "call"     ? call(options)
           : command == "password" ? password(options)
           : options.json          ? run_collecting(options)
                                   : run_streaming(options);
}

}  // namespace bellhop::tool
