// SPDX-License-Identifier: Apache-2.0
// chpasswd(8) or passwd(1), which know what else an account's password is in (PAM, SMB …); shadow(5) where there are none.
// The password goes by a pipe and through memory that is wiped. It is in no argument, and in no error's text: not even in what
// chpasswd says.
#include "op/child_answer.hpp"
#include "op/jobs.hpp"
#include "os/helper.hpp"
#include "os/programs.hpp"
#include "os/shadow.hpp"

namespace bellhop::op {
namespace {

using namespace std::string_view_literals;
using Form = SetPassword::Form;

constexpr std::chrono::seconds password_limit{60};

Result<json::Value> run(const std::vector<std::string>& argv, const Secret& input, std::string_view password)
{
    Result<os::HelperEnd> end = os::run_helper(argv, input.view());
    if (!end)
        return std::move(end.error());
    for (std::string* output : {&end->output, &end->errors})
        if (!password.empty() && output->find(password) != output->npos)
            output->clear();
    return json::Array{end->code, std::move(end->output), std::move(end->errors)};
}

Result<json::Value> by_chpasswd(const std::string& chpasswd, const SetPassword::Request& request)
{
    const std::string_view password = request.password.view();
    std::string line;
    line.reserve(request.user.size() + password.size() + 2);
    ((line += request.user) += ':') += password;
    line += '\n';
    const Secret input(std::move(line));
    std::vector<std::string> argv{chpasswd};
    if (request.form == Form::crypted)
        argv.emplace_back("-e");
    return run(argv, input, password);
}

Result<json::Value> by_passwd(const std::string& passwd, const SetPassword::Request& request)  // which asks twice
{
    const std::string_view password = request.password.view();
    std::string lines;
    lines.reserve(2 * password.size() + 2);
    ((lines += password) += '\n') += password;
    lines += '\n';
    return run({passwd, request.user}, Secret(std::move(lines)), password);
}

Result<json::Value> by_ourselves(const std::string& root, const SetPassword::Request& request)
{
    const std::string_view password = request.password.view();
    const Result<std::string> crypted =
        request.form == Form::crypted ? Result<std::string>(std::string(password)) : os::crypted_password(password);
    Status status = crypted ? os::set_shadow_password(root, request.user, *crypted) : Status(crypted.error());
    if (status)
        return json::Value();
    status.error().text = "failed to set user password: " + status.error().text;
    return std::move(status.error());
}

}  // namespace

Begun ask_set_password(Guest& guest, const Context& context, SetPassword::Request request, Then<SetPassword> then)
{
    const std::string_view not_in_password = request.form == Form::crypted ? "\n\0:"sv : "\n\0"sv;
    if (request.password.view().find_first_of(not_in_password) != std::string_view::npos)
        return Error{Error::Kind::bad_request, {}, "forbidden characters in raw password"};
    if (request.user.empty() || request.user.find_first_of("\n\0:"sv) != std::string::npos)
        return Error{Error::Kind::bad_request, {}, "forbidden characters in username"};
    if (!guest.frozen.nothing())
        return Error{Error::Kind::busy, {}, "file systems are frozen"};
    const std::string& root = guest.facts.config.root;
    return ask_child<SetPassword>(
        guest, context, password_limit,
        [&] {
            if (const std::string chpasswd = os::find_program(root, "chpasswd"); !chpasswd.empty())
                return by_chpasswd(chpasswd, request);
            const std::string passwd = os::find_program(root, "passwd");
            const bool fit = !passwd.empty() && request.form == Form::plain && !request.user.starts_with('-');
            return fit ? by_passwd(passwd, request) : by_ourselves(root, request);
        },
        [](Fields fields) {
            SetPassword::Answer answer{fields.number<int>()};
            answer.said = fields.text();
            answer.complaint = fields.text();
            return answer;
        },
        std::move(then));
}

}  // namespace bellhop::op
