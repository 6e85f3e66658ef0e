// SPDX-License-Identifier: Apache-2.0
// madvise(2) MADV_DONTNEED, dl_iterate_phdr(3). Of the program's file only the segments without PF_W: what is relocated, relro
// too, is in others, and its pages would come back as the file has them.
#include "agent/resident_set.hpp"

#include <cstddef>
#include <cstdint>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace bellhop {
namespace {

constexpr std::size_t deepest = 64 << 10;  // of the stack: a start and a conversation use a third of it

std::uintptr_t page_of(std::uintptr_t address)
{
    return address & ~(std::uintptr_t(::sysconf(_SC_PAGESIZE)) - 1);
}

void let_go(std::uintptr_t from, std::uintptr_t to)
{
    ::madvise(reinterpret_cast<void*>(page_of(from)), to - page_of(from), MADV_DONTNEED);
}

int let_go_of_file(dl_phdr_info* object, std::size_t, void*)
{
    for (const ElfW(Phdr)* one = object->dlpi_phdr; one != object->dlpi_phdr + object->dlpi_phnum; ++one)
        if (one->p_type == PT_LOAD && !(one->p_flags & PF_W))
            let_go(object->dlpi_addr + one->p_vaddr, object->dlpi_addr + one->p_vaddr + one->p_memsz);
    return 1;  // the program itself is the first; libraries are shared with others
}

}  // namespace

void shrink_resident_set()
{
    ::dl_iterate_phdr(&let_go_of_file, nullptr);
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    const std::uintptr_t below = page_of(here) - std::uintptr_t(::sysconf(_SC_PAGESIZE));  // we and madvise() have the rest
    let_go(below - deepest, below);
}

}  // namespace bellhop
