// SPDX-License-Identifier: Apache-2.0
// docs/dialects/nova.md, and what nova itself did: `features` says how a file goes in.
#include "nova_client.hpp"

#include "base/base64.hpp"
#include "crypto/cipher.hpp"
#include "crypto/key_exchange.hpp"
#include "failure.hpp"
#include "mailbox.hpp"
#include "text.hpp"

#include <algorithm>
#include <tuple>
#include <unistd.h>
#include <vector>

namespace bellhop::tool {
namespace {

using json::Members;
using json::Value;

std::string encoded(std::string_view bytes)
{
    std::string text;
    base64::encode(text, bytes_of(bytes));
    return text;
}

std::vector<std::string> features(Mailbox& box)
{
    std::vector<std::string> names;
    const std::string message = box.must("features", "");
    for (std::string_view rest = message; !rest.empty();) {
        const std::string_view name = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
        names.emplace_back(name);
    }
    return names;
}

std::string contents_of(int file, const PutRequest& request)
{
    std::string bytes(std::size_t(request.size), '\0');
    for (std::size_t at = 0; at < bytes.size();) {
        const ssize_t count = ::read(file, bytes.data() + at, bytes.size() - at);
        if (count <= 0)
            throw Failure(Exit::failed, "cannot send " + request.local + ": it became shorter while it was read");
        at += std::size_t(count);
    }
    return bytes;
}

[[noreturn]] void cannot(const std::string& what)
{
    throw Failure(Exit::usage, "nova, the language over XenStore, has no way to " + what,
                  "it has put, password, and call for what info lists");
}

}  // namespace

Value NovaClient::ping() const
{
    Mailbox box(address_, limits_);
    return Members{{"ok", true}, {"agent_version", box.must("version", "agent")}, {"proto", "nova"}};
}

Value NovaClient::info() const
{
    Mailbox box(address_, limits_);
    Members answer{
        {"ok", true}, {"agent", "nova"}, {"agent_version", box.must("version", "agent")}, {"dialects", json::Array{"nova"}}};
    json::Array operations;
    for (std::string& name : features(box))
        operations.push_back(Members{{"name", std::move(name)}, {"enabled", true}});
    answer.emplace_back("operations", std::move(operations));
    Members os, domain{{"id", std::int64_t(address_.cid)}};
    for (const auto& [members, name, key] : {std::tuple{&os, "PRETTY_NAME", "data/os_name"},
                                             {&os, "kernel", "data/os_uname"},
                                             {&domain, "name", "name"},
                                             {&domain, "uuid", "vm"},
                                             {&domain, "hostname", "vm-data/hostname"}})
        if (std::string value = box.fact(key); !value.empty())
            members->emplace_back(name, value.starts_with("/vm/") ? value.substr(4) : value);
    answer.emplace_back("os", std::move(os));
    answer.emplace_back("domain", std::move(domain));
    return answer;
}

// By file_inject where there is such, and by the older injectfile, which ends the path at the first comma.
void NovaClient::put(const PutRequest& request, int file, const std::function<void(std::size_t)>& on_sent) const
{
    if (request.mode_wanted)
        throw Failure(Exit::usage, "--mode: nova, the language over XenStore, cannot set permissions");
    Mailbox box(address_, limits_);
    const std::string path = request.path.ends_with('/') ? request.path + request.name : request.path;
    const auto too_large = [&] {
        throw Failure(Exit::failed,
                      request.local + " has " + std::to_string(request.size) + " bytes, and a request to this agent " +
                          std::to_string(box.most_text()) + " with all that is around the file",
                      "XenStore carries files of about 2.9 KB, with oxenstored 1.4 KB; larger ones take another way");
    };
    if (request.size > std::int64_t(box.most_text()))
        too_large();
    const std::string bytes = contents_of(file, request);
    const std::vector<std::string> known = features(box);
    const auto knows = [&known](const char* name) { return std::find(known.begin(), known.end(), name) != known.end(); };
    const bool modern = knows("file_inject");
    if (!modern && !knows("injectfile"))
        throw Failure(Exit::failed, "the agent of " + address_.text + " takes no files");
    if (!modern && path.find(',') != path.npos)
        throw Failure(Exit::failed, "this agent ends a path at its first comma: " + printable(path));
    Value value =
        modern ? Value(Members{{"b64_path", encoded(path)}, {"b64_file", encoded(bytes)}}) : Value(encoded(path + "," + bytes));
    const char* const name = modern ? "file_inject" : "injectfile";
    if (Value(Members{{"name", name}, {"value", value}}).text().size() > box.most_text())
        too_large();
    box.must(name, std::move(value));
    on_sent(bytes.size());
}

CallAnswer NovaClient::call(const CallRequest& request) const
{
    if (request.timeout)
        throw Failure(Exit::usage, "--timeout: nova, the language over XenStore, has no time limit for commands",
                      "--answer-timeout SECONDS is how long bellhop waits");
    Value value = "";
    if (request.argument) {
        auto given = json::parse(*request.argument);
        value = given ? std::move(*given) : Value(*request.argument);
    }
    Mailbox box(address_, limits_);
    Mailbox::Answer answer = box.ask(request.name, std::move(value));
    if (answer.code != "0" && answer.code != "D0")
        throw Failure(Exit::failed,
                      "the guest refused: " + printable(answer.message) + " (returncode " + printable(answer.code) + ")");
    return {{{"returncode", answer.code}, {"message", answer.message}}, answer.message, {}};
}

void NovaClient::set_password(const std::string& user, const Secret& password) const
{
    if (user != "root")
        throw Failure(Exit::usage, "nova, the language over XenStore, sets root's password only, not that of " + printable(user));
    Mailbox box(address_, limits_);
    const auto ours = crypto::KeyExchange::make();
    if (!ours)
        throw Failure(Exit::failed, ours.error().text);
    const std::string theirs = box.must("keyinit", ours->public_key(), "D0");
    const auto shared = ours->shared(theirs);
    if (!shared)
        throw Failure(Exit::broken, "the guest's public key is none: " + shared.error().text);
    std::string text;
    text.reserve(password.view().size() + 1);  // it must not leave a copy behind as it grows
    (text += password.view()) += '\n';
    const Secret line(std::move(text));
    box.must("password", encoded(crypto::encrypt(crypto::Key(shared->view()), line.view())));
}

Value NovaClient::run(const RunRequest&, const std::function<void(Stream, ByteView)>&) const
{
    cannot("run a command");
}

FileFacts NovaClient::get(const std::string&, const std::function<void(const FileFacts&)>&,
                          const std::function<void(ByteView)>&) const
{
    cannot("get a file");
}

}  // namespace bellhop::tool
