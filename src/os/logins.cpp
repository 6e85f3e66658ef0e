// SPDX-License-Identifier: Apache-2.0
// The records of utmp(5) are the guest's C library's, which is not always ours: musl's have another form, and nobody writes them.
// So glibc's are read here as bytes. It has two forms: the architectures that once had 32-bit programs beside the 64-bit ones
// keep the 32-bit times for both. A session of logind is a file of KEY=value lines, sd-login(3).
#include "os/logins.hpp"

#include "os/text_file.hpp"

#include <algorithm>
#include <cstring>

namespace bellhop::os {
namespace {

#if defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64) || defined(__loongarch__)
using Time = std::int64_t;
#else
using Time = std::int32_t;
#endif

constexpr std::int16_t user_process = 7;
constexpr std::size_t user_at = 44, user_size = 32;
constexpr std::size_t session_at = 336;  // a long, then the seconds, the microseconds
constexpr std::size_t address_at = session_at + 3 * sizeof(Time);
constexpr std::size_t record_size = (address_at + 36 + sizeof(Time) - 1) / sizeof(Time) * sizeof(Time);
static_assert(record_size == (sizeof(Time) == 4 ? 384 : 400));

template <class T> T read_at(std::string_view record, std::size_t at)
{
    T value;
    std::memcpy(&value, record.data() + at, sizeof value);
    return value;
}

void add(std::vector<op::Users::User>& users, std::string_view name, std::chrono::microseconds since)
{
    for (op::Users::User& user : users)
        if (user.name == name) {
            user.since = std::min(user.since, since);
            return;
        }
    users.push_back({std::string(name), since});
}

std::vector<op::Users::User> sessions(const std::string& directory)
{
    std::vector<op::Users::User> users;
    for (const std::string& name : names_in(directory)) {
        const Result<std::string> text = name.ends_with(".ref") ? Result<std::string>("") : text_of_file(directory + "/" + name);
        if (!text || !value_in(*text, "CLASS").starts_with("user") || value_in(*text, "STATE") == "closing")
            continue;
        const std::string_view user = value_in(*text, "USER");
        const auto since = number_of<std::int64_t>(value_in(*text, "REALTIME"));
        if (!user.empty() && since)
            add(users, user, std::chrono::microseconds(*since));
    }
    return users;
}

}  // namespace

std::vector<op::Users::User> parse_utmp(std::string_view records)
{
    std::vector<op::Users::User> users;
    for (; records.size() >= record_size; records.remove_prefix(record_size)) {
        if (read_at<std::int16_t>(records, 0) != user_process)
            continue;
        const std::string_view name = records.substr(user_at, user_size);
        const std::chrono::seconds seconds(read_at<Time>(records, session_at + sizeof(Time)));
        const std::chrono::microseconds rest(read_at<Time>(records, session_at + 2 * sizeof(Time)));
        add(users, name.substr(0, name.find('\0')), seconds + rest);
    }
    return users;
}

std::vector<op::Users::User> logins(const std::string& root)
{
    for (const char* path : {"/run/utmp", "/var/run/utmp"})
        if (const Result<std::string> records = text_of_file(root + path))
            return parse_utmp(*records);
    return sessions(root + "/run/systemd/sessions");
}

}  // namespace bellhop::os
