// SPDX-License-Identifier: Apache-2.0
// kmsactivate: only where the guest's configuration asks for it.
#include "dialect/nova/command_rows.hpp"

#include <bellhop/op/register_rhn.hpp>

namespace bellhop::nova {
namespace {

bool wanted(const Config& config)
{
    return config.nova.kmsactivate;
}

std::vector<std::string> domains_of(const json::Value& value)  // one, or a list; not text: none
{
    std::vector<std::string> domains;
    if (const std::string* one = value.string())
        domains.push_back(*one);
    if (const json::Array* list = value.array())
        for (const json::Value& item : *list)
            domains.push_back(item.string() ? *item.string() : std::string());
    return domains;
}

void on_registered(Call& call, Result<op::RegisterRhn::Answer> registered)
{
    if (!registered)
        return call.fail(std::move(registered.error().text));
    if (registered->status != 0)
        return call.fail("Couldn't activate with RHN: " + std::to_string(registered->status));
    call.answer("");
}

void kmsactivate(Call& call)
{
    std::string* key = nullptr;
    if (json::Members* members = call.value().members())
        for (auto& [name, value] : *members)
            if (name == "activation_key")
                key = value.string();
    const json::Value& profile = call.value()["profile"];
    if (!key || !profile.string())
        return call.fail("Missing activation_key or profile");
    Secret secret(std::move(*key));
    call.ask<op::RegisterRhn>({std::move(secret), *profile.string(), domains_of(call.value()["domains"])}, &on_registered);
}

}  // namespace

std::span<const Command> kms_commands()
{
    static constexpr Command commands[] = {
        {"kmsactivate", &kmsactivate, &op::RegisterRhn::info, &wanted},
    };
    return commands;
}

}  // namespace bellhop::nova
