// SPDX-License-Identifier: Apache-2.0
// Freezing and thawing of mounted file systems. Both may take as long as a disk does, and wait for processes of their own, with
// a limit for each: for a child only.
#pragma once
#include "os/mounts.hpp"

#include <chrono>

namespace bellhop::os {

enum class Unopenable { fails, skipped };

// All of them or none, the last mounted first; those that cannot be frozen by their nature are left out. How many there were.
// When this process is killed in the middle of it, what it froze thaws.
Result<int> freeze(const std::vector<Mount>&, const std::string& root, std::chrono::milliseconds limit, Unopenable);
int thaw(const std::vector<Mount>&, const std::string& root, std::chrono::milliseconds limit);  // how many were frozen

}  // namespace bellhop::os
