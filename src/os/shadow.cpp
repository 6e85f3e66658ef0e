// SPDX-License-Identifier: Apache-2.0
// shadow(5), lckpwdf(3), crypt(3). musl has crypt in itself. With glibc it is a library more, for guests that have chpasswd
// anyway: there is no need of it.
#include "os/shadow.hpp"

#include "os/accounts.hpp"
#include "os/errors.hpp"
#include "os/temp_file.hpp"
#include "os/text_file.hpp"

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef __GLIBC__
#include <crypt.h>
#endif

namespace bellhop::os {
namespace {

constexpr std::size_t most_shadow = 16 << 20;

// What lckpwdf() locks, and so passwd, chpasswd and useradd. The lock goes with the descriptor.
Result<Fd> lock_accounts(const std::string& root)
{
    const std::string path = root + "/etc/.pwd.lock";
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    struct flock whole {};
    whole.l_type = F_WRLCK;
    if (!file || ::fcntl(file.get(), F_SETLKW, &whole) < 0)
        return failure("cannot lock " + path);
    return file;
}

// NAME:PASSWORD:DAY OF THE CHANGE:REST. One that is not there yet gets the rest that useradd(8) gives.
std::string changed(std::string_view text, const std::string& user, std::string_view crypted)
{
    const std::string fresh = user + ":" + std::string(crypted) + ":" + std::to_string(::time(nullptr) / 86400) + ":";
    std::string all;
    bool found = false;
    while (!text.empty()) {
        std::string_view line = next_line(text);
        if (!line.starts_with(user + ":")) {
            (all += line) += '\n';
            continue;
        }
        found = true;
        all += fresh;
        for (int field = 0; field < 3; ++field)
            line.remove_prefix(std::min(line.size(), line.find(':') == line.npos ? line.size() : line.find(':') + 1));
        (all += line.empty() ? std::string_view("0:99999:7:::") : line) += '\n';
    }
    return found ? all : all + fresh + "0:99999:7:::\n";
}

}  // namespace

Status set_shadow_password(const std::string& root, const std::string& user, std::string_view crypted)
{
    if (Result<Account> account = find_account(root, user); !account)
        return std::move(account.error());
    const Result<Fd> lock = lock_accounts(root);
    if (!lock)
        return lock.error();
    const std::string path = root + "/etc/shadow";
    struct stat before;
    const Result<std::string> text = text_of_file(path, most_shadow);
    if (!text)
        return text.error();
    if (::stat(path.c_str(), &before) < 0)
        return failure("cannot change " + path);
    if (text->size() == most_shadow)
        return failure("cannot change " + path, EFBIG);
    Result<TempFile> file = TempFile::beside(path, ".shadow-", TempFile::Name::when_whole);
    if (!file)
        return std::move(file.error());
    Status status = file->write(bytes_of(changed(*text, user, crypted)));
    if (status)
        status = file->set_owner(before.st_uid, before.st_gid);
    if (status)
        status = file->set_mode(before.st_mode);
    if (status)
        status = file->sync();
    return status ? file->publish() : std::move(status);
}

#ifdef __GLIBC__
Result<std::string> crypted_password(std::string_view)
{
    return Error{Error::Kind::unsupported, {}, "this guest has no chpasswd"};
}
#else
Result<std::string> crypted_password(std::string_view password)
{
    unsigned char random[16];
    if (::getrandom(random, sizeof random, 0) != sizeof random)
        return failure("no random salt");
    std::string salt = "$6$";
    for (const unsigned char byte : random)
        salt += "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[byte % 64];
    std::string key(password);
    struct crypt_data work {};
    const char* hash = ::crypt_r(key.c_str(), salt.c_str(), &work);
    ::explicit_bzero(key.data(), key.size());
    std::string found = hash ? hash : "";
    ::explicit_bzero(&work, sizeof work);
    if (!found.starts_with("$6$"))
        return Error{Error::Kind::failed, {}, "the password cannot be crypted"};
    return found;
}
#endif

}  // namespace bellhop::os
