// SPDX-License-Identifier: Apache-2.0
#include "agent/notify.hpp"

#include "dialect/registry.hpp"

#include <bellhop/fd.hpp>
#include <bellhop/rows.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace bellhop {
namespace {

std::string taken(const char* name)
{
    const char* value = std::getenv(name);
    std::string text = value ? value : "";
    ::unsetenv(name);
    return text;
}

std::uint64_t number_of(std::string_view text)  // 0: it is none
{
    std::uint64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    return ec == std::errc() && end == text.data() + text.size() ? number : 0;
}

bool is_dialect(std::string_view name)
{
    const std::vector<DialectRow> rows = dialects::rows();
    return std::any_of(rows.begin(), rows.end(), [&](const DialectRow& row) { return row.name == name; });
}

constexpr int first_socket = 3;  // SD_LISTEN_FDS_START
constexpr std::uint64_t most_sockets = 64;
constexpr std::chrono::seconds last_steps(5);  // SIGTERM, SIGKILL and their consequences take less

}  // namespace

ServiceManager::ServiceManager() : address_(taken("NOTIFY_SOCKET"))
{
    const std::uint64_t us = std::uint64_t(::getpid());
    const std::string watchdog_pid = taken("WATCHDOG_PID"), watchdog = taken("WATCHDOG_USEC");
    if (number_of(watchdog) > 0 && (watchdog_pid.empty() || number_of(watchdog_pid) == us))
        watchdog_ = std::chrono::milliseconds(std::max<std::uint64_t>(number_of(watchdog) / 2000, 1));

    const std::string listen_pid = taken("LISTEN_PID"), count = taken("LISTEN_FDS");
    std::string names = taken("LISTEN_FDNAMES");
    if (number_of(listen_pid) != us)
        return;
    for (std::uint64_t i = 0; i < std::min(number_of(count), most_sockets); ++i) {
        const std::string name = names.substr(0, names.find(':'));
        names.erase(0, name.size() + 1);
        sockets_.push_back({"fd", std::to_string(first_socket + i), is_dialect(name) ? name : ""});
    }
}

void ServiceManager::tell(std::string_view state) const
{
    sockaddr_un to{};
    if (address_.empty() || address_.size() >= sizeof to.sun_path || (address_[0] != '/' && address_[0] != '@'))
        return;
    to.sun_family = AF_UNIX;
    address_.copy(to.sun_path, address_.size());
    if (address_[0] == '@')
        to.sun_path[0] = '\0';
    const auto length = socklen_t(offsetof(sockaddr_un, sun_path) + address_.size());
    const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), length);
}

void ServiceManager::tell_reloading() const
{
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.tv_sec * 1'000'000LL + now.tv_nsec / 1000));
}

void ServiceManager::tell_stopping(std::chrono::milliseconds drain) const
{
    const std::chrono::microseconds most = drain + last_steps;
    tell("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(most.count()));
}

}  // namespace bellhop
