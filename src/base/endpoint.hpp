// SPDX-License-Identifier: Apache-2.0
// The grammar TRANSPORT:ADDRESS[=DIALECT], split at the last '='. Which transports and dialects exist is for others to say.
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/result.hpp>

#include <string_view>

namespace bellhop {

Result<Endpoint> parse_endpoint(std::string_view);  // the dialect is empty when none is named
std::string text_of(const Endpoint&);

}  // namespace bellhop
