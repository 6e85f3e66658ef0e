// SPDX-License-Identifier: Apache-2.0
// What a service manager is told, and what it hands us: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3), without
// libsystemd. The variables are taken out of the environment, so that no child believes they are meant for it.
#pragma once
#include <bellhop/config.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bellhop {

class ServiceManager {
public:
    ServiceManager();                         // reads and clears the environment
    void tell(std::string_view state) const;  // "READY=1"; without a manager: nothing
    void tell_reloading() const;
    void tell_stopping(std::chrono::milliseconds drain) const;                       // and that it may take that long
    std::optional<std::chrono::milliseconds> watchdog() const { return watchdog_; }  // half of its limit
    const std::vector<Endpoint>& sockets() const { return sockets_; }  // fd:N, with the dialect that its name is, if it is one

private:
    std::string address_;
    std::optional<std::chrono::milliseconds> watchdog_;
    std::vector<Endpoint> sockets_;
};

}  // namespace bellhop
