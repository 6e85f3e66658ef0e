// SPDX-License-Identifier: Apache-2.0
// One list of commands a source file; commands.cpp puts them together.
#pragma once
#include "dialect/nova/command.hpp"

namespace bellhop::nova {

std::span<const Command> core_commands();
std::span<const Command> file_commands();
std::span<const Command> kms_commands();
std::span<const Command> password_commands();

}  // namespace bellhop::nova
