// SPDX-License-Identifier: Apache-2.0
// guest-set-user-password and guest-ssh-*-authorized-keys.
#include "base/base64.hpp"
#include "dialect/qga/state.hpp"

#include <bellhop/op/set_password.hpp>
#include <bellhop/op/ssh_keys.hpp>

namespace bellhop::qga {
namespace {

template <class Answer> void on_done(Call& call, Result<Answer> done)
{
    done ? call.done() : call.fail(std::move(done.error().text));
}

void on_password(Call& call, Result<op::SetPassword::Answer> set)
{
    if (!set)
        return call.fail(std::move(set.error().text));
    if (set->code == 0)
        return call.done();
    const std::size_t last = set->said.find_last_not_of(" \t\r\n");
    call.fail("child process has failed to set user password: " +
              (last == set->said.npos ? "exit status " + std::to_string(set->code) : set->said.substr(0, last + 1)));
}

void guest_set_user_password(Call& call, Arguments& arguments)
{
    std::string user = arguments.string("username");
    std::string password = arguments.string("password");
    const bool crypted = arguments.boolean("crypted");
    const std::optional<const char*> wrong = base64::decode(password);  // in place: what was wiped later is all there is
    Secret secret(std::move(password));
    if (call.refused(arguments))
        return;
    if (wrong)
        return call.fail(*wrong);
    using Form = op::SetPassword::Form;
    call.ask<op::SetPassword>({std::move(user), std::move(secret), crypted ? Form::crypted : Form::plain}, &on_password);
}

void on_keys(Call& call, Result<op::SshKeys::Answer> found)
{
    if (!found)
        return call.fail(std::move(found.error().text));
    json::Array keys;
    for (std::string& key : found->keys)
        keys.emplace_back(std::move(key));
    call.answer(json::Members{{"keys", std::move(keys)}});
}

void guest_ssh_get_authorized_keys(Call& call, Arguments& arguments)
{
    std::string user = arguments.string("username");
    if (!call.refused(arguments))
        call.ask<op::SshKeys>({std::move(user)}, &on_keys);
}

void change(Call& call, op::ChangeSshKeys::Request request)
{
    call.ask<op::ChangeSshKeys>(std::move(request), &on_done<op::ChangeSshKeys::Answer>);
}

void guest_ssh_add_authorized_keys(Call& call, Arguments& arguments)
{
    using How = op::ChangeSshKeys::How;
    std::string user = arguments.string("username");
    std::vector<std::string> keys = arguments.strings("keys");
    const bool reset = arguments.maybe_boolean("reset").value_or(false);
    if (!call.refused(arguments))
        change(call, {std::move(user), reset ? How::replace : How::add, std::move(keys)});
}

void guest_ssh_remove_authorized_keys(Call& call, Arguments& arguments)
{
    std::string user = arguments.string("username");
    std::vector<std::string> keys = arguments.strings("keys");
    if (!call.refused(arguments))
        change(call, {std::move(user), op::ChangeSshKeys::How::remove, std::move(keys)});
}

}  // namespace

std::span<const Command> account_commands()
{
    static constexpr Command commands[] = {
        {"guest-set-user-password", &guest_set_user_password, &op::SetPassword::info},
        {"guest-ssh-add-authorized-keys", &guest_ssh_add_authorized_keys, &op::ChangeSshKeys::info},
        {"guest-ssh-get-authorized-keys", &guest_ssh_get_authorized_keys, &op::SshKeys::info},
        {"guest-ssh-remove-authorized-keys", &guest_ssh_remove_authorized_keys, &op::ChangeSshKeys::info},
    };
    return commands;
}

}  // namespace bellhop::qga
