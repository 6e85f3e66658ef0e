// SPDX-License-Identifier: Apache-2.0
// keyinit and password: two requests. What the first leaves serves until a password was set.
#include "base/base64.hpp"
#include "crypto/key_exchange.hpp"
#include "dialect/nova/command_rows.hpp"

#include <bellhop/op/set_password.hpp>

namespace bellhop::nova {
namespace {

void keyinit(Call& call)
{
    const std::string theirs = call.value().string() ? *call.value().string() : call.value().text();
    const Result<crypto::KeyExchange> ours = crypto::KeyExchange::make();
    if (!ours)
        return call.fail(ours.error().text);
    const Result<Secret> shared = ours->shared(theirs);
    if (!shared)
        return call.fail(shared.error().text);
    call.state().key.emplace(shared->view());
    call.answer(ours->public_key(), "D0");
}

Secret without_newlines(const Secret& plain)
{
    const std::string_view text = plain.view();
    return Secret(std::string(text.substr(0, text.find_last_not_of('\n') + 1)));
}

void on_set(Call& call, Result<op::SetPassword::Answer> set)
{
    if (!set)
        return call.fail(std::move(set.error().text));
    if (set->code != 0) {
        const std::string& why = set->complaint;
        return call.fail("Failed to change password for root: " + std::to_string(set->code) + " : " +
                         why.substr(0, why.find_last_not_of(" \t\r\n") + 1));
    }
    call.state().key.reset();  // one password a key; after a failure the host may try again
    call.answer("");
}

void password(Call& call)
{
    std::string* text = call.value().string();
    if (!text || base64::decode(*text))
        return call.fail("Couldn't decode base64 data");
    if (!call.state().key)
        return call.fail("Password without key exchange");
    const Result<Secret> plain = crypto::decrypt(*call.state().key, *text);
    if (!plain)
        return call.fail(plain.error().text);
    call.ask<op::SetPassword>({"root", without_newlines(*plain)}, &on_set);
}

}  // namespace

std::span<const Command> password_commands()
{
    static constexpr Command commands[] = {
        {"keyinit", &keyinit, &op::SetPassword::info},
        {"password", &password, &op::SetPassword::info},
    };
    return commands;
}

}  // namespace bellhop::nova
