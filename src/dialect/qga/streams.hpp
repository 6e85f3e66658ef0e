// SPDX-License-Identifier: Apache-2.0
// Long answers: text, and between it bytes in base64 that are fetched as the peer takes them.
#pragma once
#include "base/spool.hpp"
#include "dialect/qga/command.hpp"

#include <vector>

namespace bellhop::qga {

// What may stand in one answer to a peer that refuses longer lines (libvirt: 10 MiB), in bytes before base64.
constexpr std::size_t most_for_libvirt = 7 << 20;
constexpr std::size_t piece_size = 48 << 10;  // a multiple of 3

class Parts final : public LongAnswer {
public:
    void text(std::string_view more);
    void base64(std::shared_ptr<const Spool>, std::uint64_t from, std::size_t count);  // which stays there till it is taken
    bool next(std::string& out) override;

private:
    struct Part {
        std::string text;
        std::shared_ptr<const Spool> spool;
        std::uint64_t from = 0;
        std::size_t count = 0;
    };
    std::vector<Part> parts_;
    std::size_t first_ = 0;
    std::vector<std::byte> piece_;
};

}  // namespace bellhop::qga
