// SPDX-License-Identifier: Apache-2.0
// A session's paths are relative to its guest's own directory. A guest's connection takes them so; the daemon's socket does not,
// and gets them with `base` ("/local/domain/7/") before them.
#pragma once
#include <string>
#include <string_view>

namespace bellhop::transports {

inline bool is_absolute(std::string_view path)
{
    return path.starts_with('/') || path.starts_with('@');  // @releaseDomain
}

inline std::string path_in(const std::string& base, std::string_view path)
{
    return is_absolute(path) ? std::string(path) : base + std::string(path);
}

inline std::string_view path_out_of(const std::string& base, std::string_view path)
{
    return !base.empty() && path.starts_with(base) ? path.substr(base.size()) : path;
}

}  // namespace bellhop::transports
