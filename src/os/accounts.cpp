// SPDX-License-Identifier: Apache-2.0
// passwd(5), group(5), getent(1), setgroups(2), setresuid(2), prctl(2).
#include "os/accounts.hpp"

#include "os/errors.hpp"
#include "os/helper.hpp"
#include "os/programs.hpp"
#include "os/text_file.hpp"

#include <algorithm>
#include <charconv>
#include <grp.h>
#include <optional>
#include <string_view>
#include <sys/prctl.h>
#include <unistd.h>

namespace bellhop::os {
namespace {

constexpr std::size_t most_accounts = 16 << 20;
constexpr std::size_t most_groups = 65536;  // NGROUPS_MAX

std::vector<std::string_view> fields_of(std::string_view line, char separator)
{
    std::vector<std::string_view> fields;
    for (;;) {
        fields.push_back(line.substr(0, line.find(separator)));
        if (fields.back().size() == line.size())
            return fields;
        line.remove_prefix(fields.back().size() + 1);
    }
}

bool read_number(std::string_view word, unsigned& number)
{
    const auto read = std::from_chars(word.data(), word.data() + word.size(), number);
    return !word.empty() && read.ec == std::errc() && read.ptr == word.data() + word.size();
}

std::optional<Account> account_in(std::string_view text, std::string_view name)
{
    while (!text.empty()) {
        const std::vector<std::string_view> fields = fields_of(next_line(text), ':');
        Account account;
        if (fields.size() == 7 && fields[0] == name && read_number(fields[2], account.uid) &&
            read_number(fields[3], account.gid)) {
            account.name = fields[0];
            account.home = fields[5];
            account.shell = fields[6];
            return account;
        }
    }
    return std::nullopt;
}

Error no_account(const std::string& name)
{
    return {Error::Kind::not_found, {}, "there is no user '" + name + "'"};
}

}  // namespace

Result<Account> find_account(const std::string& root, const std::string& name)
{
    const Result<std::string> text = text_of_file(root + "/etc/passwd", most_accounts);
    if (!text)
        return text.error();
    std::optional<Account> account = account_in(*text, name);
    if (!account || name.empty())
        return no_account(name);
    return std::move(*account);
}

Result<Account> account_by_any_means(const std::string& root, const std::string& name)
{
    Result<Account> account = find_account(root, name);
#ifdef __GLIBC__
    const std::string getent = account ? std::string() : find_program(root, "getent");
    const bool plain = !name.empty() && name.find_first_of(std::string_view("\n:\0", 3)) == name.npos;
    if (!getent.empty() && plain) {
        const Result<HelperEnd> end = run_helper({getent, "passwd", "--", name});
        std::optional<Account> found = end && end->code == 0 ? account_in(end->output, name) : std::nullopt;
        if (found)
            return std::move(*found);
    }
#endif
    return account;
}

std::vector<gid_t> groups_of(const std::string& root, const Account& account)
{
    std::vector<gid_t> groups{account.gid};
    const Result<std::string> text = text_of_file(root + "/etc/group", most_accounts);
    for (std::string_view rest = text ? std::string_view(*text) : std::string_view(); !rest.empty();) {
        const std::vector<std::string_view> fields = fields_of(next_line(rest), ':');
        gid_t group = 0;
        if (fields.size() != 4 || !read_number(fields[2], group) || groups.size() == most_groups)
            continue;
        const std::vector<std::string_view> members = fields_of(fields[3], ',');
        const bool member = std::find(members.begin(), members.end(), account.name) != members.end();
        if (member && std::find(groups.begin(), groups.end(), group) == groups.end())
            groups.push_back(group);
    }
    return groups;
}

bool take(const Rights& rights)
{
    const bool ours = ::geteuid() == rights.uid && rights.uid != 0;  // an agent that is not root may still be somebody
    if (!ours && (::setgroups(rights.groups.size(), rights.groups.data()) < 0 ||
                  ::setresgid(rights.gid, rights.gid, rights.gid) < 0 || ::setresuid(rights.uid, rights.uid, rights.uid) < 0))
        return false;
    // Other rights made it as dumpable as sysctl fs.suid_dumpable says, and now the account may signal it: no core file of it.
    return ::prctl(PR_SET_DUMPABLE, 0) == 0;
}

Status become(const Account& account, const std::vector<gid_t>& groups)
{
    if (!take({account.uid, account.gid, groups}))
        return failure("cannot take the rights of user '" + account.name + "'");
    return done();
}

}  // namespace bellhop::os
