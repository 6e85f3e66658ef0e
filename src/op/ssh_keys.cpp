// SPDX-License-Identifier: Apache-2.0
// sshd(8), "AUTHORIZED_KEYS FILE FORMAT". The account may have made a link of any part of ~/.ssh/authorized_keys; with its own
// rights that gets it nothing that it has not got.
#include "op/child_answer.hpp"
#include "op/jobs.hpp"
#include "os/accounts.hpp"
#include "os/errors.hpp"
#include "os/temp_file.hpp"
#include "os/text_file.hpp"

#include <algorithm>
#include <functional>
#include <sys/stat.h>

namespace bellhop::op {
namespace {

using How = ChangeSshKeys::How;
using Lines = std::vector<std::string>;

constexpr std::chrono::seconds keys_limit{30};  // a home directory may be far away
constexpr std::size_t most_keys = 4 << 20;

std::string_view trimmed(std::string_view line)
{
    const std::size_t first = line.find_first_not_of(" \t\r");
    return first == line.npos ? std::string_view() : line.substr(first, line.find_last_not_of(" \t\r") + 1 - first);
}

bool is_key(std::string_view line)
{
    return !line.empty() && !line.starts_with('#');
}

bool lists(const Lines& lines, std::string_view key)
{
    return std::any_of(lines.begin(), lines.end(), [key](const std::string& line) { return trimmed(line) == trimmed(key); });
}

Result<Lines> lines_of(const std::string& path)
{
    const Result<std::string> text = os::text_of_file(path, most_keys);
    if (!text)
        return text.error();
    if (text->size() == most_keys)
        return os::failure("cannot read " + path, EFBIG);
    Lines lines;
    for (std::string_view rest = *text; !rest.empty();)
        lines.emplace_back(os::next_line(rest));
    return lines;
}

Status write_lines(const std::string& folder, const std::string& path, const Lines& lines)
{
    if (::mkdir(folder.c_str(), 0700) < 0 && errno != EEXIST)
        return os::failure("cannot create " + folder);
    std::string text;
    for (const std::string& line : lines)
        (text += line) += '\n';
    Result<os::TempFile> file = os::TempFile::beside(path, ".authorized_keys-", os::TempFile::Name::when_whole);
    if (!file)
        return std::move(file.error());
    Status status = file->write(bytes_of(text));
    if (status)
        status = file->sync();
    return status ? file->publish() : std::move(status);
}

Lines changed(const Lines& before, const ChangeSshKeys::Request& request)
{
    Lines after;
    if (request.how != How::replace)
        after = before;
    if (request.how == How::remove)
        std::erase_if(after, [&](const std::string& line) { return is_key(trimmed(line)) && lists(request.keys, line); });
    else
        for (const std::string& key : request.keys)
            if (!trimmed(key).empty() && !lists(after, key))
                after.push_back(key);
    return after;
}

Result<json::Value> change(const std::string& folder, const ChangeSshKeys::Request& request)
{
    const std::string path = folder + "/authorized_keys";
    Result<Lines> before = lines_of(path);
    const bool missing = !before && before.error().kind == Error::Kind::not_found;
    if (missing)
        before = Lines();
    if (!before)
        return Error{before.error().kind, before.error().os, "failed to read '" + path + "': " + os_text(before.error().os)};
    const Lines after = changed(*before, request);
    if (after == *before && (!missing || request.how == How::remove))
        return json::Value();
    if (Status written = write_lines(folder, path, after); !written)
        return std::move(written.error());
    return json::Value();
}

Result<json::Value> list(const std::string& folder)
{
    const std::string path = folder + "/authorized_keys";
    const Result<Lines> lines = lines_of(path);
    if (!lines)
        return Error{lines.error().kind, lines.error().os, "failed to read '" + path + "': " + os_text(lines.error().os)};
    json::Array keys;
    for (const std::string& line : *lines)
        if (is_key(trimmed(line)))
            keys.emplace_back(trimmed(line));
    return json::Value(std::move(keys));
}

// In a child: `work` gets the account's ~/.ssh, and has the account's rights.
Result<json::Value> as_user(const std::string& root, const std::string& user,
                            const std::function<Result<json::Value>(const std::string& folder)>& work)
{
    const Result<os::Account> account = os::account_by_any_means(root, user);
    if (!account)
        return Error{account.error().kind, account.error().os, "failed to lookup user '" + user + "': " + account.error().text};
    if (!account->home.starts_with('/'))
        return Error{Error::Kind::failed, {}, "user '" + user + "' has no home directory"};
    if (Status status = os::become(*account, os::groups_of(root, *account)); !status)
        return std::move(status.error());
    return work(root + account->home + "/.ssh");
}

}  // namespace

Begun ask_ssh_keys(Guest& guest, const Context& context, SshKeys::Request request, Then<SshKeys> then)
{
    const std::string& root = guest.facts.config.root;
    return ask_child<SshKeys>(
        guest, context, keys_limit, [&] { return as_user(root, request.user, &list); },
        [](Fields fields) {
            SshKeys::Answer answer;
            while (fields.more())
                answer.keys.push_back(fields.text());
            return answer;
        },
        std::move(then));
}

Begun ask_change_ssh_keys(Guest& guest, const Context& context, ChangeSshKeys::Request request, Then<ChangeSshKeys> then)
{
    for (const std::string& key : request.keys)
        if (trimmed(key).starts_with('#') || key.find_first_of(std::string_view("\n\0", 2)) != key.npos)
            return Error{Error::Kind::bad_request, {}, "invalid OpenSSH public key: '" + key + "'"};
    const std::string& root = guest.facts.config.root;
    return ask_child<ChangeSshKeys>(
        guest, context, keys_limit,
        [&] { return as_user(root, request.user, [&](const std::string& folder) { return change(folder, request); }); },
        [](Fields) { return ChangeSshKeys::Answer{}; }, std::move(then));
}

}  // namespace bellhop::op
