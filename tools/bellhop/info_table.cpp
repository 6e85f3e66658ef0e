// SPDX-License-Identifier: Apache-2.0
// Rows for what is known and present; an agent may say more or less. Everything in it is the
// guest's word, so it is made printable.
#include "info_table.hpp"

#include "text.hpp"

#include <initializer_list>

namespace bellhop::tool {
namespace {

using json::Value;

std::string word(const Value& value)
{
    const std::string* text = value.string();
    return text ? printable(*text) : value.is_null() ? std::string() : printable(value.text());
}

std::string joined(std::initializer_list<std::string> words, const char* between)
{
    std::string out;
    for (const std::string& next : words)
        if (!next.empty())
            out += (out.empty() ? "" : between) + next;
    return out;
}

std::string list_of(const json::Array* items)
{
    std::string out;
    for (const Value& item : items ? *items : json::Array())
        out = joined({out, word(item)}, ", ");
    return out;
}

std::string operations(const json::Array* items, bool enabled)
{
    std::string out;
    for (const Value& item : items ? *items : json::Array()) {
        const bool* is = item["enabled"].boolean();
        if ((!is || *is) == enabled)
            out = joined({out, word(item["name"])}, ", ");
    }
    return out;
}

std::string pairs_of(const json::Members* members)
{
    std::string out;
    for (const auto& [name, value] : members ? *members : json::Members())
        out = joined({out, printable(name) + " " + word(value)}, ", ");
    return out;
}

// The members are those of os-release(5), under their own names.
std::string os_name(const Value& os)
{
    const std::string pretty = word(os["PRETTY_NAME"]);
    return !pretty.empty() ? pretty : joined({word(os["NAME"]), word(os["VERSION"])}, " ");
}

// Age and memory are the agent's own, not the guest's.
std::string agent_in(const Value& answer)
{
    const auto uptime = answer["uptime_ms"].number(), memory = answer["memory_kib"].number();
    return joined({joined({word(answer["agent"]), word(answer["agent_version"])}, " "),
                   uptime && *uptime >= 0 ? "up " + duration_text(*uptime / 1000) : "",
                   memory && *memory > 0 ? size_text(*memory * 1024) : ""},
                  ", ");
}

}  // namespace

std::string info_table(const Value& answer)
{
    std::string out;
    const auto row = [&out](std::string name, const std::string& text) {
        name.resize(12, ' ');
        if (!text.empty())
            out += name + text + "\n";
    };
    const Value& os = answer["os"];
    row("agent", agent_in(answer));
    row("dialects", list_of(answer["dialects"].array()));
    row("operations", operations(answer["operations"].array(), true));
    row("blocked", operations(answer["operations"].array(), false));
    row("system", os_name(os));
    row("kernel", joined({word(os["kernel"]), word(os["machine"])}, " "));
    row("commands", list_of(answer["commands"].array()));
    row("domain", pairs_of(answer["domain"].members()));
    row("limits", pairs_of(answer["limits"].members()));
    return out;
}

}  // namespace bellhop::tool
