// SPDX-License-Identifier: Apache-2.0
// GLib's gkeyfile.c is the reference: https://docs.gtk.org/glib/struct.KeyFile.html
#include "base/key_file.hpp"

#include "base/concat.hpp"

#include <algorithm>
#include <utility>

namespace bellhop::key_file {
namespace {

constexpr std::string_view blanks = " \t\r\f\v";

std::string_view without_blanks_before(std::string_view text)
{
    return text.substr(std::min(text.find_first_not_of(blanks), text.size()));
}
std::string_view without_blanks_after(std::string_view text)
{
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

Error wrong(int line, const std::string& what)
{
    return {Error::Kind::bad_request, {}, concat({"line ", std::to_string(line), ": ", what})};
}

// The items of a value, without escapes: one, or none, when nothing divides them.
enum class Divided { yes, no };
Result<std::vector<std::string>> items_of(std::string_view value, Divided divided)
{
    static constexpr std::string_view letters = "sntr\\;", meant = " \n\t\r\\;";
    std::vector<std::string> items;
    bool open = false;  // more of the last one may come
    for (std::size_t at = 0; at < value.size(); ++at) {
        char c = value[at];
        if (!std::exchange(open, true))
            items.emplace_back();
        if (c == ';' && divided == Divided::yes) {
            open = false;
            continue;
        }
        if (c == '\\') {
            const std::size_t which = ++at < value.size() ? letters.find(value[at]) : letters.npos;
            if (which == letters.npos)
                return Error{
                    Error::Kind::bad_request, {}, concat({"'\\' in '", value, "' is not followed by one of s n t r \\ ;"})};
            c = meant[which];
        }
        items.back() += c;
    }
    return items;
}

}  // namespace

Result<std::vector<Entry>> parse(std::string_view text)
{
    std::vector<Entry> entries;
    std::string group;
    bool in_group = false;
    for (int line = 1; !text.empty(); ++line) {
        std::string_view rest = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), rest.size() + 1));
        rest = without_blanks_before(rest);
        if (rest.empty() || rest.starts_with('#'))
            continue;
        if (rest.starts_with('[')) {
            rest = without_blanks_after(rest);
            const std::string_view name = rest.substr(1, rest.size() - 2);
            if (!rest.ends_with(']') || rest.size() < 3 || name.find_first_of("[]") != name.npos)
                return wrong(line, concat({"'", rest, "' is not [GROUP]"}));
            group = name;
            in_group = true;
            continue;
        }
        const std::size_t equals = rest.find('=');
        const std::string_view key = without_blanks_after(rest.substr(0, equals));
        if (equals == rest.npos || key.empty())
            return wrong(line, concat({"'", without_blanks_after(rest), "' is not KEY=VALUE"}));
        if (!in_group)
            return wrong(line, concat({"'", key, "' comes before any [GROUP]"}));
        std::string_view value = without_blanks_before(rest.substr(equals + 1));
        if (value.ends_with('\r'))
            value.remove_suffix(1);
        entries.push_back({group, std::string(key), std::string(value), line});
    }
    return entries;
}

Result<std::string> plain(std::string_view value)
{
    Result<std::vector<std::string>> items = items_of(value, Divided::no);
    if (!items)
        return std::move(items.error());
    return items->empty() ? std::string() : std::move(items->front());
}

Result<std::vector<std::string>> list(std::string_view value)
{
    return items_of(value, Divided::yes);
}

}  // namespace bellhop::key_file
