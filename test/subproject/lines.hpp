// SPDX-License-Identifier: Apache-2.0
// A dialect of the embedder's own, one line a request and one an answer:
//     upper TEXT     TEXT in capitals
//     greet NAME     what the operation "greeting" says
// Anything else is answered by a line that begins with "error: ". Half a line may not grow past 4096 bytes.
#pragma once
#include <bellhop/rows.hpp>

namespace embedder {

bellhop::DialectRow lines_row();

}  // namespace embedder
