// SPDX-License-Identifier: Apache-2.0
// linux/nvme_ioctl.h. Numbers are little-endian.
#include "os/nvme.hpp"

#include <bellhop/fd.hpp>

#include <array>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>

namespace bellhop::os {
namespace {

constexpr std::uint8_t get_log_page = 0x02, health_page = 0x02;
constexpr std::uint32_t keep_events = 1u << 15;  // "retain asynchronous event": the kernel's own reading of them is not disturbed

std::uint64_t little(ByteView page, std::size_t at, std::size_t size)
{
    std::uint64_t number = 0;
    for (std::size_t i = size; i-- > 0;)
        number = number << 8 | std::to_integer<std::uint64_t>(page[at + i]);
    return number;
}

}  // namespace

op::Disks::Smart parse_nvme_page(ByteView page)
{
    const auto byte = [&](std::size_t at, std::size_t size = 1) { return std::uint32_t(little(page, at, size)); };
    op::Disks::Smart smart{byte(0), byte(1, 2), byte(3), byte(4), byte(5), {}};
    for (std::size_t i = 0; i < smart.counts.size(); ++i)
        smart.counts[i] = {little(page, 32 + 16 * i, 8), little(page, 40 + 16 * i, 8)};
    return smart;
}

std::optional<op::Disks::Smart> nvme_smart(const std::string& device)
{
    std::array<std::byte, nvme_page_size> page{};
    nvme_admin_cmd command{};
    command.opcode = get_log_page;
    command.nsid = 0xFFFFFFFF;  // of the whole controller
    command.addr = reinterpret_cast<std::uintptr_t>(page.data());
    command.data_len = page.size();
    command.cdw10 = health_page | keep_events | (std::uint32_t(page.size() / 4 - 1) << 16);
    const Fd file(::open(device.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file || ::ioctl(file.get(), NVME_IOCTL_ADMIN_CMD, &command) != 0)
        return std::nullopt;
    return parse_nvme_page(page);
}

}  // namespace bellhop::os
