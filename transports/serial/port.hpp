// SPDX-License-Identifier: Apache-2.0
// Finding and opening a serial port: a virtio port by its name, or any by its path.
#pragma once
#include "transports/serial/port_link.hpp"

#include <string>

namespace bellhop::transports {

// "org.qemu.guest_agent.0" or "/dev/ttyS0". A virtio port has one opener at a time; an Error (busy) names who that is.
Result<std::unique_ptr<PortLink>> open_port(const std::string& address);

// The parts of it. `root` goes before /dev and /sys, `proc` stands for /proc, for tests.
std::string find_port(const std::string& name, const std::string& root = {});         // the device's path; empty: there is none
std::string holder_of(const std::string& device, const std::string& proc = "/proc");  // "qemu-ga (pid 812)", or empty

}  // namespace bellhop::transports
