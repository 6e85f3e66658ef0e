// SPDX-License-Identifier: Apache-2.0
#include "dialect/qga/arguments.hpp"

#include <algorithm>

namespace bellhop::qga {

Arguments::Arguments(json::Members members, std::string path) : path_(std::move(path))
{
    for (auto& [name, value] : members)
        members_.push_back({std::move(name), std::move(value)});
}

json::Value* Arguments::find(std::string_view name)
{
    for (Member& member : members_)
        if (member.name == name) {
            member.asked = true;
            return &member.value;
        }
    return nullptr;
}

void Arguments::complain(std::string text)
{
    if (!complaint_)
        complaint_ = std::move(text);
}

void Arguments::missing(std::string_view name)
{
    complain("Parameter '" + path_ + std::string(name) + "' is missing");
}

void Arguments::bad_type(std::string_view name, std::string_view expected)
{
    complain("Invalid parameter type for '" + path_ + std::string(name) + "', expected: " + std::string(expected));
}

void Arguments::bad_value(std::string_view name, std::string_view value)
{
    complain("Parameter '" + path_ + std::string(name) + "' does not accept value '" + std::string(value) + "'");
}

std::optional<std::string> Arguments::wrong()
{
    for (const std::unique_ptr<Arguments>& element : elements_)
        if (auto complaint = element->wrong())
            complain(std::move(*complaint));
    for (const Member& member : members_)
        if (!member.asked)
            complain("Parameter '" + path_ + member.name + "' is unexpected");
    return complaint_;
}

std::optional<std::int64_t> Arguments::maybe_integer(std::string_view name)
{
    const json::Value* value = find(name);
    if (!value)
        return std::nullopt;
    if (const std::int64_t* number = value->integer())
        return *number;
    bad_type(name, "integer");
    return 0;
}

std::int64_t Arguments::integer(std::string_view name)
{
    const std::optional<std::int64_t> number = maybe_integer(name);
    if (!number)
        missing(name);
    return number.value_or(0);
}

std::uint64_t Arguments::large(std::string_view name)
{
    const json::Value* value = find(name);
    if (!value)
        missing(name);
    else if (const std::uint64_t* number = value->large())
        return *number;
    else if (const std::int64_t* small = value->integer())
        return std::uint64_t(*small);
    else
        bad_type(name, "integer");
    return 0;
}

std::optional<bool> Arguments::maybe_boolean(std::string_view name)
{
    const json::Value* value = find(name);
    if (!value)
        return std::nullopt;
    if (const bool* flag = value->boolean())
        return *flag;
    bad_type(name, "boolean");
    return false;
}

bool Arguments::boolean(std::string_view name)
{
    const std::optional<bool> flag = maybe_boolean(name);
    if (!flag)
        missing(name);
    return flag.value_or(false);
}

std::optional<std::string> Arguments::maybe_string(std::string_view name)
{
    json::Value* value = find(name);
    if (!value)
        return std::nullopt;
    if (std::string* text = value->string())
        return std::move(*text);
    bad_type(name, "string");
    return std::string();
}

std::string Arguments::string(std::string_view name)
{
    std::optional<std::string> text = maybe_string(name);
    if (!text)
        missing(name);
    return std::move(text).value_or(std::string());
}

std::vector<std::string> Arguments::strings_of(std::string_view name, json::Value& value)
{
    std::vector<std::string> all;
    json::Array* array = value.array();
    if (!array) {
        bad_type(name, "array");
        return all;
    }
    for (json::Value& element : *array)
        if (std::string* text = element.string())
            all.push_back(std::move(*text));
        else
            bad_type(std::string(name) + "[" + std::to_string(all.size()) + "]", "string");
    return all;
}

std::optional<std::vector<std::string>> Arguments::maybe_strings(std::string_view name)
{
    json::Value* value = find(name);
    if (!value)
        return std::nullopt;
    return strings_of(name, *value);
}

std::vector<std::string> Arguments::strings(std::string_view name)
{
    auto all = maybe_strings(name);
    if (!all)
        missing(name);
    return std::move(all).value_or(std::vector<std::string>());
}

std::vector<Arguments*> Arguments::structures(std::string_view name)
{
    std::vector<Arguments*> all;
    json::Value* value = find(name);
    if (!value)
        missing(name);
    else if (json::Array* array = value->array())
        for (json::Value& element : *array) {
            const std::string place = std::string(name) + "[" + std::to_string(all.size()) + "]";
            json::Members* members = element.members();
            if (!members)
                bad_type(place, "object");
            elements_.push_back(
                std::make_unique<Arguments>(members ? std::move(*members) : json::Members(), path_ + place + "."));
            all.push_back(elements_.back().get());
        }
    else
        bad_type(name, "array");
    return all;
}

std::optional<json::Value> Arguments::maybe_any(std::string_view name)
{
    json::Value* value = find(name);
    if (!value)
        return std::nullopt;
    return std::move(*value);
}

std::optional<std::size_t> Arguments::maybe_choice(std::string_view name, std::initializer_list<std::string_view> values)
{
    const std::optional<std::string> text = maybe_string(name);
    if (!text)
        return std::nullopt;
    const auto place = std::find(values.begin(), values.end(), *text);
    if (place == values.end()) {
        bad_value(name, *text);
        return 0;
    }
    return std::size_t(place - values.begin());
}

}  // namespace bellhop::qga
