// SPDX-License-Identifier: Apache-2.0
// What the kernel says of devices that come, go and change, without udev: netlink(7) NETLINK_KOBJECT_UEVENT, group 1.
#pragma once
#include <bellhop/fd.hpp>

#include <initializer_list>
#include <string_view>

namespace bellhop::os {

Fd open_uevents();  // non-blocking, close-on-exec; empty when this kernel or sandbox has none
// Reads all that is there. True: one of it was about this subsystem ("tty"), or some were lost.
bool uevents_about(int uevents, std::initializer_list<std::string_view> subsystems);

}  // namespace bellhop::os
