// SPDX-License-Identifier: Apache-2.0
// Blocks of memory in sysfs: the kernel's Documentation/admin-guide/mm/memory-hotplug.rst. Taking one out of use moves what is in
// it, and that may take for ever: for a child of ours.
#pragma once
#include <bellhop/op/memory_blocks.hpp>

#include <string>

namespace bellhop::os {

Result<std::vector<op::MemoryBlocks::Block>> memory_blocks(const std::string& root);
Result<std::uint64_t> memory_block_size(const std::string& root);  // bytes
op::SetMemoryBlocks::Outcome set_memory_block(const std::string& root, const op::SetMemoryBlocks::Change&);

}  // namespace bellhop::os
