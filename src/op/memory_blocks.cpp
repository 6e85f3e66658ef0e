// SPDX-License-Identifier: Apache-2.0
// In a child, the list as well: there are thousands of blocks, and two files for each.
#include "os/memory_blocks.hpp"

#include "op/child_answer.hpp"
#include "op/jobs.hpp"

namespace bellhop::op {
namespace {

Result<json::Value> find_blocks(const std::string& root, MemoryBlocks::Request request)
{
    json::Array blocks;
    if (request.blocks) {
        const auto found = os::memory_blocks(root);
        if (!found)
            return found.error();
        for (const MemoryBlocks::Block& block : *found)
            blocks.push_back(json::Array{block.number, block.online, block.can_offline});
    }
    const Result<std::uint64_t> size = request.size ? os::memory_block_size(root) : Result<std::uint64_t>(std::uint64_t(0));
    if (!size)
        return size.error();
    return json::Array{std::move(blocks), *size};
}

MemoryBlocks::Answer read(Fields fields)
{
    MemoryBlocks::Answer answer;
    for (Fields blocks(fields.value()); blocks.more();) {
        Fields one(blocks.value());
        MemoryBlocks::Block block;
        block.number = one.number<std::uint64_t>();
        block.online = one.flag();
        block.can_offline = one.flag();
        answer.blocks.push_back(block);
    }
    answer.size = fields.number<std::uint64_t>();
    return answer;
}

Result<json::Value> change_blocks(const std::string& root, const std::vector<SetMemoryBlocks::Change>& changes)
{
    json::Array outcomes;
    for (const SetMemoryBlocks::Change& change : changes) {
        const SetMemoryBlocks::Outcome outcome = os::set_memory_block(root, change);
        outcomes.push_back(int(outcome.how));
        outcomes.push_back(outcome.error);
    }
    return outcomes;
}

SetMemoryBlocks::Answer read_outcomes(Fields fields)
{
    SetMemoryBlocks::Answer answer;
    while (fields.more()) {
        const auto how = SetMemoryBlocks::How(fields.number<int>());
        answer.outcomes.push_back({how, fields.number<int>()});
    }
    return answer;
}

}  // namespace

Begun ask_memory_blocks(Guest& guest, const Context& context, MemoryBlocks::Request request, Then<MemoryBlocks> then)
{
    return ask_child<MemoryBlocks>(guest, context, std::chrono::seconds(30),
                                   std::bind_front(&find_blocks, guest.facts.config.root, request), &read, std::move(then));
}

Begun ask_set_memory_blocks(Guest& guest, const Context& context, SetMemoryBlocks::Request request, Then<SetMemoryBlocks> then)
{
    return ask_child<SetMemoryBlocks>(guest, context, std::chrono::minutes(5),
                                      std::bind_front(&change_blocks, guest.facts.config.root, std::move(request.changes)),
                                      &read_outcomes, std::move(then));
}

}  // namespace bellhop::op
