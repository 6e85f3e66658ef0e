// SPDX-License-Identifier: Apache-2.0
// A processor that must stay has no file "online".
#include "os/cpus.hpp"

#include "os/errors.hpp"
#include "os/text_file.hpp"

#include <unistd.h>

namespace bellhop::os {
namespace {

constexpr const char* cpu_folder = "/sys/devices/system/cpu/";

std::string directory_of(const std::string& root, std::int64_t number)
{
    return root + cpu_folder + "cpu" + std::to_string(number) + "/";
}

}  // namespace

Result<std::vector<op::Cpus::Cpu>> cpus(const std::string& root)
{
    std::vector<op::Cpus::Cpu> all;
    for (const std::string& name : names_in(root + cpu_folder)) {
        const auto number = name.starts_with("cpu") ? number_of<std::int64_t>(std::string_view(name).substr(3)) : std::nullopt;
        if (!number)
            continue;
        const std::string online = first_line(directory_of(root, *number) + "online");
        all.push_back({*number, online != "0", !online.empty()});
    }
    if (all.empty())
        return Error{Error::Kind::unsupported, {}, "no processors in " + root + cpu_folder};
    return all;
}

Status set_cpu(const std::string& root, const op::SetCpus::Change& change)
{
    const std::string directory = directory_of(root, change.number), file = directory + "online";
    if (::access(directory.c_str(), F_OK) < 0)
        return failure("Could not open '" + directory + "'");
    if (::access(file.c_str(), F_OK) < 0) {
        if (change.online)
            return done();
        return Error{Error::Kind::unsupported, {}, "logical processor #" + std::to_string(change.number) + " can't be offlined"};
    }
    if ((first_line(file) != "0") == change.online)
        return done();
    return order(file, change.online ? "1" : "0");
}

}  // namespace bellhop::os
