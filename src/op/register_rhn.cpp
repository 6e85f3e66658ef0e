// SPDX-License-Identifier: Apache-2.0
// rhnreg_ks(8) and its file of settings. That program takes the key from its arguments only, where everybody in the guest can see
// it while it runs; so nobody gets here unless the guest's operator has said that he wants it.
#include "op/child_answer.hpp"
#include "op/jobs.hpp"
#include "os/errors.hpp"
#include "os/helper.hpp"
#include "os/temp_file.hpp"

#include <algorithm>
#include <unistd.h>

namespace bellhop::op {
namespace {

constexpr std::chrono::minutes enroll_limit{5};

std::string servers(std::string_view scheme, const std::vector<std::string>& domains)
{
    std::string all;
    for (const std::string& domain : domains)
        (all += scheme) += "://" + domain + "/XMLRPC;";
    return all;
}

std::string settings(const std::vector<std::string>& domains)
{
    return "# written by bellhop-agent\n"
           "versionOverride=\nenableProxyAuth=0\nnetworkRetries=5\nhostedWhitelist=\nenableProxy=0\n"
           "serverURL=" +
           servers("https", domains) + "\nproxyPassword=\nnoSSLServerURL=" + servers("http", domains) +
           "\nproxyUser=\n"
           "disallowConfChanges=noReboot;sslCACert;useNoSSLForPackages;noSSLServerURL;serverURL;disallowConfChanges;\n"
           "sslCACert=/usr/share/rhn/RHN-ORG-TRUSTED-SSL-CERT\ndebug=0\nhttpProxy=\n"
           "systemIdPath=/etc/sysconfig/rhn/systemid\nnoReboot=0\n";
}

Status write_settings(const std::string& path, const std::string& text)
{
    Result<os::TempFile> file = os::TempFile::beside(path, ".up2date-", os::TempFile::Name::when_whole);
    if (!file)
        return std::move(file.error());
    Status status = file->write(bytes_of(text));
    if (status)
        status = file->set_mode(0644);
    if (status)
        status = file->sync();
    return status ? file->publish() : std::move(status);
}

Result<json::Value> enroll(const std::string& root, const RegisterRhn::Request& request)
{
    const std::string folder = root + "/etc/sysconfig/rhn/";
    if (Status written = write_settings(folder + "up2date", settings(request.domains)); !written)
        return std::move(written.error());
    if (::unlink((folder + "systemid").c_str()) < 0 && errno != ENOENT)
        return os::failure("cannot remove " + folder + "systemid");
    const std::vector<std::string> argv{root + "/usr/sbin/rhnreg_ks",
                                        "--activationkey",
                                        std::string(request.activation_key.view()),
                                        "--profile",
                                        request.profile,
                                        "--force"};
    const Result<os::HelperEnd> end = os::run_helper(argv, {}, os::Environment::empty);
    if (!end)
        return end.error();
    return json::Array{end->status};
}

bool plain(std::string_view word)
{
    return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c > ' ' && c < 0x7f && c != ';'; });
}

}  // namespace

Begun ask_register_rhn(Guest& guest, const Context& context, RegisterRhn::Request request, Then<RegisterRhn> then)
{
    const bool fit = !request.domains.empty() && std::all_of(request.domains.begin(), request.domains.end(), &plain);
    if (!fit || request.profile.find('\0') != std::string::npos || request.activation_key.view().find('\0') != std::string::npos)
        return Error{Error::Kind::bad_request, {}, "the domains are no names of servers, or the profile is no name"};
    if (!guest.frozen.nothing())
        return Error{Error::Kind::busy, {}, "file systems are frozen"};
    const std::string& root = guest.facts.config.root;
    return ask_child<RegisterRhn>(
        guest, context, enroll_limit, [&] { return enroll(root, request); },
        [](Fields fields) { return RegisterRhn::Answer{fields.number<int>()}; }, std::move(then));
}

}  // namespace bellhop::op
