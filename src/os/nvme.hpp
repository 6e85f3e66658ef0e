// SPDX-License-Identifier: Apache-2.0
// What an NVMe disk says of its health: NVM Express Base Specification, "SMART / Health Information Log Page". The disk is asked,
// and may not answer: for a child of ours.
#pragma once
#include <bellhop/bytes.hpp>
#include <bellhop/op/disks.hpp>

#include <optional>
#include <string>

namespace bellhop::os {

constexpr std::size_t nvme_page_size = 512;

std::optional<op::Disks::Smart> nvme_smart(const std::string& device);
op::Disks::Smart parse_nvme_page(ByteView page);  // of nvme_page_size bytes

}  // namespace bellhop::os
