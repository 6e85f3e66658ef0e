// SPDX-License-Identifier: Apache-2.0
// Processors and blocks of memory.
#include "dialect/qga/command.hpp"

#include <bellhop/op/cpus.hpp>
#include <bellhop/op/memory_blocks.hpp>

namespace bellhop::qga {
namespace {

void guest_get_vcpus(Call& call, Arguments& arguments)
{
    if (call.refused(arguments))
        return;
    const auto found = call.context().operations.call<op::Cpus>(call.context(), {});
    if (!found)
        return call.fail(found.error().text);
    json::Array cpus;
    for (const op::Cpus::Cpu& cpu : found->cpus)
        cpus.push_back(json::Members{{"logical-id", cpu.number}, {"online", cpu.online}, {"can-offline", cpu.can_offline}});
    call.answer(std::move(cpus));
}

void on_set_cpus(Call& call, Result<op::SetCpus::Answer> answer)
{
    if (!answer)
        return call.fail(answer.error().text);
    call.answer(std::int64_t(answer->done));
}

void guest_set_vcpus(Call& call, Arguments& arguments)
{
    op::SetCpus::Request request;
    for (Arguments* cpu : arguments.structures("vcpus")) {
        const std::int64_t number = cpu->integer("logical-id");
        request.changes.push_back({number, cpu->boolean("online")});
        cpu->maybe_boolean("can-offline");  // as guest-get-vcpus told it
    }
    if (!call.refused(arguments))
        call.ask<op::SetCpus>(std::move(request), &on_set_cpus);
}

void on_memory_blocks(Call& call, Result<op::MemoryBlocks::Answer> found)
{
    if (!found)
        return call.fail(found.error().text);
    json::Array blocks;
    for (const op::MemoryBlocks::Block& block : found->blocks)
        blocks.push_back(
            json::Members{{"phys-index", block.number}, {"online", block.online}, {"can-offline", block.can_offline}});
    call.answer(std::move(blocks));
}

void guest_get_memory_blocks(Call& call, Arguments& arguments)
{
    if (!call.refused(arguments))
        call.ask<op::MemoryBlocks>({.blocks = true}, &on_memory_blocks);
}

void on_memory_block_size(Call& call, Result<op::MemoryBlocks::Answer> found)
{
    if (!found)
        return call.fail(found.error().text);
    call.answer(json::Members{{"size", found->size}});
}

void guest_get_memory_block_info(Call& call, Arguments& arguments)
{
    if (!call.refused(arguments))
        call.ask<op::MemoryBlocks>({.size = true}, &on_memory_block_size);
}

std::string_view response_of(op::SetMemoryBlocks::How how)
{
    using How = op::SetMemoryBlocks::How;
    switch (how) {
    case How::done:
        return "success";
    case How::not_found:
        return "not-found";
    case How::unsupported:
        return "operation-not-supported";
    case How::failed:
        break;
    }
    return "operation-failed";
}

void guest_set_memory_blocks(Call& call, Arguments& arguments)
{
    op::SetMemoryBlocks::Request request;
    for (Arguments* block : arguments.structures("mem-blks")) {
        const std::uint64_t number = block->large("phys-index");
        request.changes.push_back({number, block->boolean("online")});
        block->maybe_boolean("can-offline");
    }
    if (call.refused(arguments))
        return;
    const std::vector<op::SetMemoryBlocks::Change> changes = request.changes;
    call.ask<op::SetMemoryBlocks>(std::move(request), [changes](Call& asked, Result<op::SetMemoryBlocks::Answer> answer) {
        if (!answer)
            return asked.fail(answer.error().text);
        json::Array responses;
        for (std::size_t i = 0; i < std::min(changes.size(), answer->outcomes.size()); ++i) {
            const op::SetMemoryBlocks::Outcome& outcome = answer->outcomes[i];
            json::Members response{{"phys-index", changes[i].number}, {"response", response_of(outcome.how)}};
            if (outcome.error)
                response.emplace_back("error-code", outcome.error);
            responses.push_back(std::move(response));
        }
        asked.answer(std::move(responses));
    });
}

}  // namespace

std::span<const Command> device_commands()
{
    static constexpr Command commands[] = {
        {"guest-get-memory-block-info", &guest_get_memory_block_info, &op::MemoryBlocks::info},
        {"guest-get-memory-blocks", &guest_get_memory_blocks, &op::MemoryBlocks::info},
        {"guest-get-vcpus", &guest_get_vcpus, &op::Cpus::info},
        {"guest-set-memory-blocks", &guest_set_memory_blocks, &op::SetMemoryBlocks::info},
        {"guest-set-vcpus", &guest_set_vcpus, &op::SetCpus::info},
    };
    return commands;
}

}  // namespace bellhop::qga
