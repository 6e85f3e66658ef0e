// SPDX-License-Identifier: Apache-2.0
// docs/dialects/qga.md.
#include "qga_client.hpp"

#include "base/base64.hpp"
#include "failure.hpp"
#include "qga_conversation.hpp"
#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <thread>
#include <unistd.h>
#include <vector>

namespace bellhop::tool {
namespace {

using namespace std::chrono_literals;
using json::Members;
using json::Value;

constexpr std::size_t piece_size = 1 << 20;  // of a file, in one request
const char path_for_guests[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string encoded(ByteView bytes)
{
    std::string text;
    base64::encode(text, bytes);
    return text;
}

// ---- commands

std::int64_t start(Conversation& agent, json::Array words, const Members& environment)
{
    Members request{{"path", words.front()}, {"capture-output", true}};
    words.erase(words.begin());
    request.emplace_back("arg", std::move(words));
    if (!environment.empty()) {  // it replaces the agent's
        json::Array all{path_for_guests};
        for (const auto& [name, value] : environment)
            all.push_back(name + "=" + text_in(Members{{"v", value}}, "v"));
        request.emplace_back("env", std::move(all));
    }
    const Value answer = agent.ask("guest-exec", std::move(request));
    const std::int64_t* pid = answer["pid"].integer();
    if (!pid)
        agent.nonsense("it gave no pid");
    return *pid;
}

// Nothing: the time limit came first.
std::optional<Value> end_of(Conversation& agent, std::int64_t pid, Deadline limit)
{
    for (auto pause = 1ms;; pause = std::min(pause * 2, 100ms)) {
        Value status = agent.ask("guest-exec-status", {{"pid", pid}});
        const bool* exited = status["exited"].boolean();
        if (!exited)
            agent.nonsense("it does not say whether the command has ended");
        if (*exited)
            return status;
        if (limit.poll_timeout() == 0)
            return std::nullopt;
        std::this_thread::sleep_for(pause);
    }
}

// A small command of our own; nothing: it may not be run, or it failed.
std::optional<std::string> helper(Conversation& agent, json::Array words)
{
    if (!agent.knows("guest-exec") || !agent.knows("guest-exec-status"))
        return std::nullopt;
    const auto status = end_of(agent, start(agent, std::move(words), {}), Deadline(10s));
    const std::int64_t* code = status ? (*status)["exitcode"].integer() : nullptr;
    if (!code || *code != 0)
        return std::nullopt;
    return decoded(agent, *status, "out-data");
}

}  // namespace

CallAnswer QgaClient::call(const CallRequest& request) const
{
    if (request.timeout)
        throw Failure(Exit::usage, "--timeout is for the own commands of frames",
                      "here it is an argument: bellhop call bellhop-call '{\"name\": \"x\", \"time-limit-ms\": 5000}'");
    Members arguments;
    if (request.argument) {
        auto given = json::parse(*request.argument);
        if (!given || !given->members())
            throw Failure(Exit::usage, "the arguments are not a JSON object: " + printable(*request.argument),
                          "such as: bellhop call guest-file-open '{\"path\": \"/etc/hostname\"}'");
        arguments = std::move(*given->members());
    }
    Limits limits = limits_;
    if (!limits.answer && request.name == "bellhop-call") {  // an own command takes its time
        const std::int64_t* time = Value(arguments)["time-limit-ms"].integer();
        limits.answer = std::chrono::milliseconds(time ? std::max<std::int64_t>(*time, 0) : 60'000) + 10s;
    }
    Value answer = Conversation(address_, limits).ask(request.name, std::move(arguments));
    std::string text = answer.text();
    return {{{"return", std::move(answer)}}, std::move(text), {}};
}

void QgaClient::set_password(const std::string& user, const Secret& password) const
{
    std::string text;
    base64::encode(text, bytes_of(password.view()));
    Conversation(address_, limits_).ask("guest-set-user-password", {{"username", user}, {"password", text}, {"crypted", false}});
}

Value QgaClient::ping() const
{
    const Value agent = Conversation(address_, limits_).ask("guest-info", {});
    return Members{{"ok", true}, {"agent_version", agent["version"]}, {"proto", "qga"}};
}

Value QgaClient::info() const
{
    Conversation conversation(address_, limits_);
    const Value agent = conversation.ask("guest-info", {});
    Members answer{{"ok", true}, {"agent", "qga"}, {"agent_version", agent["version"]}, {"dialects", json::Array{"qga"}}};
    json::Array operations;
    if (const json::Array* commands = agent["supported_commands"].array())
        for (const Value& command : *commands)
            operations.push_back(Members{{"name", command["name"]}, {"enabled", command["enabled"]}});
    answer.emplace_back("operations", std::move(operations));
    if (conversation.knows("guest-get-osinfo")) {
        const Value os = conversation.ask("guest-get-osinfo", {});
        Members facts;
        for (const auto& [ours, theirs] : {std::pair{"ID", "id"},
                                           {"NAME", "name"},
                                           {"PRETTY_NAME", "pretty-name"},
                                           {"VERSION", "version"},
                                           {"VERSION_ID", "version-id"},
                                           {"VARIANT", "variant"},
                                           {"VARIANT_ID", "variant-id"},
                                           {"kernel", "kernel-release"},
                                           {"machine", "machine"}})
            if (const Value* value = os.find(theirs))
                facts.emplace_back(ours, *value);
        answer.emplace_back("os", std::move(facts));
    }
    if (conversation.knows("bellhop-call-list"))  // ours only
        answer.emplace_back("commands", conversation.ask("bellhop-call-list", {}));
    if (conversation.knows("guest-get-host-name"))
        answer.emplace_back("hostname", conversation.ask("guest-get-host-name", {})["host-name"]);
    return answer;
}

Value QgaClient::run(const RunRequest& request, const std::function<void(Stream, ByteView)>& on_output) const
{
    Conversation agent(address_, limits_);
    std::optional<std::chrono::milliseconds> most;
    if (request.timeout && *request.timeout > 0)
        most = std::chrono::milliseconds(std::int64_t(std::ceil(*request.timeout * 1000)));
    const std::string option = request.shell == "raw" ? "-c" : "-lc";
    const std::int64_t pid = start(agent, {"/bin/sh", option, request.command}, request.environment);
    const std::optional<Value> status = end_of(agent, pid, Deadline(most));
    if (!status) {
        // The process group is the command's own with our agent. A qemu-ga leaves its commands in its own group: there the
        // command itself is all that can be ended.
        helper(agent, {"/bin/sh", "-c", "kill -9 -$0 2>/dev/null || kill -9 $0", std::to_string(pid)});
        return Members{{"ok", true}, {"op", "timeout"}, {"timeout", *request.timeout}, {"exit_code", Value()}};
    }
    for (const auto& [stream, name] : {std::pair{Stream::out, "out-data"}, {Stream::err, "err-data"}})
        if (const std::string bytes = decoded(agent, *status, name); !bytes.empty())
            on_output(stream, bytes_of(bytes));
    const std::int64_t *code = (*status)["exitcode"].integer(), *number = (*status)["signal"].integer();
    Members answer{{"ok", true}, {"op", "exit"}, {"exit_code", code ? *code : number ? -*number : 0}};
    for (const char* truncated : {"out-truncated", "err-truncated"})
        if (const Value* flag = status->find(truncated))
            answer.emplace_back(truncated, *flag);
    return answer;
}

// Beside the target, then in its place by a command, where the agent may run one. Where it may not, the
// file is written as it stands.
void QgaClient::put(const PutRequest& request, int file, const std::function<void(std::size_t)>& on_sent) const
{
    Conversation agent(address_, limits_);
    const bool may_move = agent.knows("guest-exec") && agent.knows("guest-exec-status");
    const std::string target = request.path;
    const std::size_t slash = target.rfind('/', target.find_last_not_of('/'));
    const std::string folder = slash == target.npos ? "" : target.substr(0, slash + 1);
    const std::string beside = may_move ? folder + ".bellhop-put-" + std::to_string(random_number()) : target;
    // A file that guest-file-open creates is everybody's, to write, too: ours is there before, and new (noclobber).
    const char create[] = "umask 077 && set -C && : > \"$0\"";
    try {
        const bool there = may_move && helper(agent, {"/bin/sh", "-c", create, beside});
        const Value opened = agent.ask("guest-file-open", {{"path", beside}, {"mode", there ? "r+" : "w"}});  // w says why not
        if (may_move && !there)
            throw Failure(Exit::failed, "the guest cannot create a file beside " + printable(target));
        const std::int64_t* handle = opened.integer();
        if (!handle)
            agent.nonsense("it gave no file handle");
        std::vector<std::byte> piece(std::min<std::size_t>(piece_size, std::size_t(std::max<std::int64_t>(request.size, 1))));
        for (std::int64_t left = request.size; left > 0;) {
            const ssize_t count = ::read(file, piece.data(), std::min<std::size_t>(piece.size(), std::size_t(left)));
            if (count <= 0)
                throw Failure(Exit::failed, "cannot send " + request.local + ": it became shorter while it was sent");
            for (ByteView rest = ByteView(piece).first(std::size_t(count)); !rest.empty();) {
                const Value written = agent.ask("guest-file-write", {{"handle", *handle}, {"buf-b64", encoded(rest)}});
                const std::int64_t* taken = written["count"].integer();
                if (!taken || *taken <= 0 || std::size_t(*taken) > rest.size())
                    agent.nonsense("it does not say how much it wrote");
                rest = rest.subspan(std::size_t(*taken));
                on_sent(std::size_t(*taken));
            }
            left -= count;
        }
        agent.ask("guest-file-close", {{"handle", *handle}});
        if (!may_move)
            return;
        char mode[8];
        std::snprintf(mode, sizeof mode, "%04o", unsigned(request.mode.value_or(0600)));
        const char script[] = "chmod \"$0\" \"$1\" || exit; t=$2; if [ -d \"$t\" ]; then t=${t%/}/$3; fi; mv -f -- \"$1\" \"$t\"";
        if (!helper(agent, {"/bin/sh", "-c", script, mode, beside, target, request.name}))
            throw Failure(Exit::failed, "the guest cannot put the file in its place: " + printable(target));
    } catch (const Failure&) {
        if (may_move)
            try {
                helper(agent, {"/bin/rm", "-f", "--", beside});
            } catch (const Failure&) {  // the first one is what matters
            }
        throw;
    }
}

FileFacts QgaClient::get(const std::string& path, const std::function<void(const FileFacts&)>& on_facts,
                         const std::function<void(ByteView)>& on_data) const
{
    Conversation agent(address_, limits_);
    const Value opened = agent.ask("guest-file-open", {{"path", path}, {"mode", "r"}});
    const std::int64_t* handle = opened.integer();
    if (!handle)
        agent.nonsense("it gave no file handle");
    FileFacts facts{0600, 0};
    if (const auto told = helper(agent, {"/bin/stat", "-L", "-c", "%a %s", path})) {
        unsigned mode = 0;
        long long size = 0;
        if (std::sscanf(told->c_str(), "%o %lld", &mode, &size) == 2)
            facts = {mode & 07777, size};
    }
    on_facts(facts);
    for (bool at_end = false; !at_end;) {
        const Value read = agent.ask("guest-file-read", {{"handle", *handle}, {"count", std::int64_t(piece_size)}});
        const bool* eof = read["eof"].boolean();
        const std::string bytes = decoded(agent, read, "buf-b64");
        if (!bytes.empty())
            on_data(bytes_of(bytes));
        at_end = !eof || *eof || bytes.empty();
    }
    agent.ask("guest-file-close", {{"handle", *handle}});
    return facts;
}

}  // namespace bellhop::tool
