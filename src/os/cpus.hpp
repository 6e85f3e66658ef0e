// SPDX-License-Identifier: Apache-2.0
// Processors in sysfs: the kernel's Documentation/core-api/cpu_hotplug.rst.
#pragma once
#include <bellhop/op/cpus.hpp>

#include <string>

namespace bellhop::os {

Result<std::vector<op::Cpus::Cpu>> cpus(const std::string& root);
Status set_cpu(const std::string& root, const op::SetCpus::Change&);  // takes its time: for a child of ours

}  // namespace bellhop::os
