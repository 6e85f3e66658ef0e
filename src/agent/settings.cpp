// SPDX-License-Identifier: Apache-2.0
// agent.conf(5) as a whole: groups [dialect NAME] take the keys of [operations], for that dialect alone. Its rows are in
// settings_table.cpp.
#include "agent/settings.hpp"

#include "agent/setting_values.hpp"
#include "base/concat.hpp"
#include "base/key_file.hpp"

#include <algorithm>

namespace bellhop {
namespace {

using namespace values;

constexpr std::string_view dialect_prefix = "dialect ";

const Setting* find(std::string_view group, std::string_view key)
{
    for (const Setting& one : settings())
        if (one.group == group && one.key == key)
            return &one;
    return nullptr;
}

std::string name_of(const Setting& setting)
{
    return concat({setting.group, ".", setting.key});
}

std::string nearest(std::string_view group, std::string_view key)
{
    const auto far = [&](const Setting& one) { return 2 * distance(key, one.key) + distance(group, one.group); };
    const auto at =
        std::min_element(settings().begin(), settings().end(), [&](const auto& a, const auto& b) { return far(a) < far(b); });
    return concat({at->key, " in [", at->group, "]"});
}

Status set_dialect_rule(Settings& s, const key_file::Entry& entry, const std::string& source)
{
    const std::string dialect = entry.group.substr(dialect_prefix.size());
    if (entry.key != "allow" && entry.key != "block")
        return wrong(concat({source, ": no key '", entry.key, "' in [", entry.group, "]; there are allow and block"}));
    Rules& rules = s.config.dialect_rules[dialect];
    (entry.key == "allow" ? rules.allowed : rules.blocked) = words_of(entry.value);
    s.sources[entry.group + "." + entry.key] = source;
    return done();
}

}  // namespace

Status set(Settings& s, const Setting& setting, std::string_view value, std::string source)
{
    if (Status status = setting.set(s, value); !status) {
        const bool option = source.starts_with("--");  // that names it already
        return wrong(concat({source, option ? "" : ": ", option ? "" : setting.key, " ", status.error().text}));
    }
    s.sources[name_of(setting)] = std::move(source);
    return done();
}

Status apply_file(Settings& s, const std::string& path, std::string_view text)
{
    Result<std::vector<key_file::Entry>> entries = key_file::parse(text);
    if (!entries)
        return wrong(path + ": " + entries.error().text);
    for (const key_file::Entry& entry : *entries) {
        const std::string source = path + ":" + std::to_string(entry.line);
        Status status = done();
        if (entry.group.starts_with(dialect_prefix))
            status = set_dialect_rule(s, entry, source);
        else if (const Setting* setting = find(entry.group, entry.key))
            status = set(s, *setting, entry.value, source);
        else
            status = wrong(concat(
                {source, ": no key '", entry.key, "' in [", entry.group, "]; the nearest is ", nearest(entry.group, entry.key)}));
        if (!status)
            return status;
    }
    return done();
}

std::string print(const Settings& s)
{
    std::string text, group;
    const auto line = [&](std::string_view in, std::string_view key, const std::string& value) {
        if (group != in)
            text += concat({text.empty() ? "[" : "\n[", group = in, "]\n"});
        const auto source = s.sources.find(concat({group, ".", key}));
        text += concat({"# ", source == s.sources.end() ? "default" : source->second, "\n", key, "=", value, "\n"});
    };
    for (const Setting& one : settings())
        line(one.group, one.key, one.show(s));
    for (const auto& [dialect, rules] : s.config.dialect_rules) {
        const std::string own = concat({dialect_prefix, dialect});
        line(own, "allow", joined(rules.allowed));
        line(own, "block", joined(rules.blocked));
    }
    return text;
}

std::vector<std::string> differing(const Settings& old, const Settings& fresh, Setting::When when)
{
    std::vector<std::string> names;
    for (const Setting& one : settings())
        if (one.when == when && one.show(old) != one.show(fresh))
            names.push_back(name_of(one));
    if (when == Setting::When::reload && old.config.dialect_rules != fresh.config.dialect_rules)
        names.push_back("the dialects' rules");
    return names;
}

}  // namespace bellhop
