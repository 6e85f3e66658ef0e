// SPDX-License-Identifier: Apache-2.0
// The files that clients have opened and not yet closed.
#pragma once
#include "dialect/qga/state.hpp"
#include "dialect/qga/streams.hpp"

#include <bellhop/op/open_file.hpp>

#include <map>

namespace bellhop::qga {

struct Files {
    std::int64_t next = 0;  // handle
    std::map<std::int64_t, std::shared_ptr<op::OpenedFile>> open;
};

// Writes at the file's position and answers the call with the count and with `more`.
void write_file(Call&, std::shared_ptr<op::OpenedFile>, std::string bytes, std::size_t count, json::Members more);
std::string reason(const Error&);  // what the kernel said, as strerror(3) has it; else our own sentence

}  // namespace bellhop::qga
