// SPDX-License-Identifier: Apache-2.0
// GLib's gkeyfile.c is the reference: https://docs.gtk.org/glib/struct.KeyFile.html
#include "base/key_file.hpp"

#include <algorithm>

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
    return {Error::Kind::bad_request, {}, "line " + std::to_string(line) + ": " + what};
}

// One character of a value, escaped or not; `at` moves past it.
Result<char> unescape(std::string_view value, std::size_t& at)
{
    const char c = value[at++];
    if (c != '\\')
        return c;
    static constexpr std::pair<char, char> escapes[] = {{'s', ' '},  {'n', '\n'},  {'t', '\t'},
                                                        {'r', '\r'}, {'\\', '\\'}, {';', ';'}};
    for (const auto& [letter, meant] : escapes)
        if (at < value.size() && value[at] == letter)
            return ++at, meant;
    return Error{Error::Kind::bad_request, {}, "'\\' in '" + std::string(value) + "' is not followed by one of s n t r \\ ;"};
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
                return wrong(line, "'" + std::string(rest) + "' is not [GROUP]");
            group = name;
            in_group = true;
            continue;
        }
        const std::size_t equals = rest.find('=');
        const std::string_view key = without_blanks_after(rest.substr(0, equals));
        if (equals == rest.npos || key.empty())
            return wrong(line, "'" + std::string(without_blanks_after(rest)) + "' is not KEY=VALUE");
        if (!in_group)
            return wrong(line, "'" + std::string(key) + "' comes before any [GROUP]");
        std::string_view value = without_blanks_before(rest.substr(equals + 1));
        if (value.ends_with('\r'))
            value.remove_suffix(1);
        entries.push_back({group, std::string(key), std::string(value), line});
    }
    return entries;
}

Result<std::string> plain(std::string_view value)
{
    std::string text;
    for (std::size_t at = 0; at < value.size();) {
        Result<char> c = unescape(value, at);
        if (!c)
            return std::move(c.error());
        text += *c;
    }
    return text;
}

Result<std::vector<std::string>> list(std::string_view value)
{
    std::vector<std::string> items;
    std::string item;
    bool open = false;
    for (std::size_t at = 0; at < value.size();) {
        open = value[at] != ';';
        if (!open) {
            ++at;
            items.push_back(std::exchange(item, {}));
            continue;
        }
        Result<char> c = unescape(value, at);
        if (!c)
            return std::move(c.error());
        item += *c;
    }
    if (open)
        items.push_back(std::move(item));
    return items;
}

}  // namespace bellhop::key_file
