// SPDX-License-Identifier: Apache-2.0
// One child: its own session (unless told otherwise), three descriptors, nothing else of ours. Waiting for it is the business of
// Children.
#pragma once
#include "os/accounts.hpp"

#include <bellhop/fd.hpp>
#include <bellhop/result.hpp>

#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace bellhop::os {

struct SpawnPlan {
    std::vector<std::string> argv;            // argv[0] is looked up in PATH when it has no slash
    std::vector<std::string> environment;     // "NAME=value"; a PATH in it is where argv[0] is looked up
    std::string directory;                    // empty: ours
    int input = -1, output = -1, error = -1;  // -1: /dev/null. Borrowed; each at or above 3
    bool plain_oom_score = false;             // oom_score_adj 0, whatever ours is
    bool inherit_environment = true;          // false: `environment` is all there is
    std::optional<Rights> rights{};           // none: ours. With them it is made by fork, see spawn.cpp
    bool own_session = true;                  // setsid(2); false: it stays in our group and dies with it
};

struct Child {
    pid_t pid = 0;
    Fd pidfd;  // empty where the kernel has none that can be waited for (before Linux 5.3)
};

enum class SpawnBy { shared_memory, fork };  // fork: what spawn falls back to by itself, for tests

// Returns when the child has called execve(2) or failed to. An Error names the step that failed and carries its errno.
Result<Child> spawn(const SpawnPlan&, SpawnBy = SpawnBy::shared_memory);

// A child that goes on in our own code, in its own session, with one descriptor of ours and the null device for standard ones.
// Its memory is a copy: `body` may block and allocate, but must not touch the loop. The child ends when body returns.
Result<Child> fork_child(int keep, bool plain_oom_score, const std::function<void(int kept)>& body);

}  // namespace bellhop::os
