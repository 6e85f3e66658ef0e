// SPDX-License-Identifier: Apache-2.0
// Was a process killed by the kernel for want of memory? The kernel's log says so by pid: /dev/kmsg, "Killed process PID (". It
// is read only after an unexplained SIGKILL, and only when /proc/vmstat has counted such a kill at all. Where the log cannot be
// read the answer is no.
#pragma once
#include <chrono>
#include <sys/types.h>

namespace bellhop::os {

bool killed_for_memory(pid_t, std::chrono::steady_clock::time_point started);

}  // namespace bellhop::os
