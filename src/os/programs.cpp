// SPDX-License-Identifier: Apache-2.0
// access(2), environ(7) on PATH.
#include "os/programs.hpp"

#include <algorithm>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop::os {

bool is_program(const std::string& path)
{
    struct stat info;
    return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::string find_program(const std::string& root, std::string_view name)
{
    const char* given = root.empty() ? ::getenv("PATH") : nullptr;
    const std::string folders = std::string(given ? given : "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
    for (std::string_view rest = folders; !rest.empty();) {
        const std::string_view folder = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
        const std::string path = root + std::string(folder) + "/" + std::string(name);
        if (folder.starts_with('/') && is_program(path))
            return path;
    }
    return {};
}

}  // namespace bellhop::os
