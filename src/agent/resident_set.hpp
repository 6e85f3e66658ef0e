// SPDX-License-Identifier: Apache-2.0
// What waiting does not need of the process's memory. The program's business, not the library's.
#pragma once

namespace bellhop {

// Lets go of the program's own file where it is never written (what is wanted again comes back from the page cache, sixteen
// pages a microsecond), and of the stack below the caller. Breakpoints in the program are gone then, too.
void shrink_resident_set();

}  // namespace bellhop
