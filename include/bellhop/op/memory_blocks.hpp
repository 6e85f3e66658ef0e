// SPDX-License-Identifier: Apache-2.0
// memory_blocks: memory in the pieces that can be taken out of use; set_memory_blocks: do that, or the opposite.
#pragma once
#include <bellhop/context.hpp>

#include <vector>

namespace bellhop::op {

struct MemoryBlocks {
    static constexpr OperationInfo info{"memory_blocks", "list blocks of memory", false};
    struct Request {  // what is wanted
        bool blocks = false, size = false;
    };
    struct Block {
        std::uint64_t number = 0;
        bool online = true, can_offline = false;
    };
    struct Answer {
        std::vector<Block> blocks;  // by number; none where the kernel has no such pieces
        std::uint64_t size = 0;     // bytes of a block
    };
};

struct SetMemoryBlocks {
    static constexpr OperationInfo info{"set_memory_blocks", "bring blocks of memory online or offline", true};
    struct Change {
        std::uint64_t number = 0;
        bool online = true;
    };
    struct Request {
        std::vector<Change> changes;
    };
    enum class How { done, not_found, unsupported, failed };  // done: it was so before, too
    struct Outcome {
        How how = How::done;
        int error = 0;  // errno(3)
    };
    struct Answer {
        std::vector<Outcome> outcomes;  // one for each change
    };
};

}  // namespace bellhop::op
