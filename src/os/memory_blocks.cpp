// SPDX-License-Identifier: Apache-2.0
// A block that cannot be taken out of use has no file "state" (old kernels), or says so in "removable".
#include "os/memory_blocks.hpp"

#include "os/errors.hpp"
#include "os/text_file.hpp"

#include <unistd.h>

namespace bellhop::os {
namespace {

using How = op::SetMemoryBlocks::How;

constexpr const char* block_folder = "/sys/devices/system/memory/";

std::string directory_of(const std::string& root, std::uint64_t number)
{
    return root + block_folder + "memory" + std::to_string(number) + "/";
}

}  // namespace

Result<std::vector<op::MemoryBlocks::Block>> memory_blocks(const std::string& root)
{
    if (::access((root + block_folder).c_str(), R_OK) < 0 && errno != ENOENT)
        return failure("Could not open '" + root + block_folder + "'");
    std::vector<op::MemoryBlocks::Block> all;
    for (const std::string& name : names_in(root + block_folder)) {
        const auto number =
            name.starts_with("memory") ? number_of<std::uint64_t>(std::string_view(name).substr(6)) : std::nullopt;
        if (!number)
            continue;
        const std::string directory = directory_of(root, *number), state = first_line(directory + "state");
        const std::string removable = first_line(directory + "removable");
        all.push_back({*number, state.empty() || state == "online", !state.empty() && !removable.empty() && removable != "0"});
    }
    return all;
}

Result<std::uint64_t> memory_block_size(const std::string& root)
{
    if (::access((root + block_folder).c_str(), R_OK) < 0)
        return failure("Could not open '" + root + block_folder + "'");
    const Result<std::string> text = text_of_file(root + block_folder + "block_size_bytes");
    if (!text)
        return text.error();
    std::string_view digits = *text;
    const auto size = number_of<std::uint64_t>(next_line(digits), 16);
    if (!size)
        return Error{Error::Kind::failed, {}, "no size in " + root + block_folder + "block_size_bytes"};
    return *size;
}

op::SetMemoryBlocks::Outcome set_memory_block(const std::string& root, const op::SetMemoryBlocks::Change& change)
{
    if (::access((root + block_folder).c_str(), F_OK) < 0)
        return {errno == ENOENT ? How::unsupported : How::failed, errno};
    const std::string directory = directory_of(root, change.number), file = directory + "state";
    if (::access(directory.c_str(), F_OK) < 0)
        return {errno == ENOENT ? How::not_found : How::failed, errno};
    if (::access(file.c_str(), F_OK) < 0) {
        if (errno != ENOENT)
            return {How::failed, errno};
        return change.online ? op::SetMemoryBlocks::Outcome{} : op::SetMemoryBlocks::Outcome{How::unsupported, ENOENT};
    }
    if ((first_line(file) == "online") == change.online)
        return {};
    if (const Status changed = order(file, change.online ? "online" : "offline"); !changed)
        return {How::failed, changed.error().os.value()};
    return {};
}

}  // namespace bellhop::os
