// SPDX-License-Identifier: Apache-2.0
// How full file systems are, statvfs(3). One whose server is gone does not answer, so it is asked by a process that can be left
// behind: for a child of ours only.
#pragma once
#include <bellhop/op/filesystems.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace bellhop::os {

using Space = op::Filesystems::Space;

std::optional<Space> space_of(const std::string& directory);  // none: it does not say
// In turn, each by `ask`. One that takes longer than `each` has no answer, and nobody is asked when `together` is over.
std::vector<std::optional<Space>> spaces_of(const std::vector<std::string>& directories, std::chrono::milliseconds each,
                                            std::chrono::milliseconds together,
                                            const std::function<std::optional<Space>(const std::string&)>& ask = &space_of);

}  // namespace bellhop::os
