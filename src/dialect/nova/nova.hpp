// SPDX-License-Identifier: Apache-2.0
// The language of nova-agent: requests and answers as values in XenStore. docs/dialects/nova.md.
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/dialect.hpp>

#include <memory>
#include <string>

namespace bellhop::nova {

std::unique_ptr<Dialect> make_dialect(std::string version, const Config&);  // the config outlives the dialect

}  // namespace bellhop::nova
