// SPDX-License-Identifier: Apache-2.0
// The project's version: meson.build says which.
#pragma once

namespace bellhop {
inline constexpr const char* version = BELLHOP_VERSION;
}
