// SPDX-License-Identifier: Apache-2.0
// For work that may block: it is done by a forked child, with a time limit, and what it found comes back as one value.
#pragma once
#include "base/json.hpp"
#include "op/guest.hpp"

#include <chrono>
#include <functional>
#include <memory>

namespace bellhop::op {

// `work` runs in the child: a copy of our memory, none of our descriptors, the helpers it starts in its process group. `then` is
// called from the loop through the context's barrier; it may drop the lease. Dropping the lease, or the time limit, kills the
// child and its helpers; one that sleeps in the kernel is left to it and reaped whenever it lets go. An Error's kind, errno and
// text come over; of strings, what is not UTF-8 becomes U+FFFD. Nothing of it is dumped to a core file.
Result<std::unique_ptr<Lease>> in_child(Guest&, const Context&, std::chrono::milliseconds limit,
                                        std::function<Result<json::Value>()> work, std::function<void(Result<json::Value>)> then);

}  // namespace bellhop::op
