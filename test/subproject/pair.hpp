// SPDX-License-Identifier: Apache-2.0
// A transport of the embedder's own: one end of a socketpair(2), the other end of which the embedder keeps.
#pragma once
#include <bellhop/rows.hpp>

namespace embedder {

bellhop::TransportRow pair_row(int end);  // non-blocking; the transport that is made of it takes it

}  // namespace embedder
