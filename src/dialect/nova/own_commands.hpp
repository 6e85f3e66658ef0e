// SPDX-License-Identifier: Apache-2.0
// What is not one of our commands may be one of the operator's own.
#pragma once
#include <bellhop/context.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace bellhop::nova {

class Call;

void call_own_command(Call&);
// Those that this host may have. One that is called as a built-in one never runs; the first time that is logged.
std::vector<std::string> own_command_names(const Context&, std::vector<std::string_view> built_in);

}  // namespace bellhop::nova
