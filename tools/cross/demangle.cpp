// SPDX-License-Identifier: Apache-2.0
// Takes the place of the C++ runtime's demangler in the release binaries: only the message about an uncaught
// exception would use it, and it is a quarter of the agent. The type is then named as the linker names it,
// and c++filt(1) reads that.
#include <cstddef>

extern "C" char* __cxa_demangle(const char*, char*, std::size_t*, int* status)
{
    if (status != nullptr)
        *status = -2;
    return nullptr;
}
