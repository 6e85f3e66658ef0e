// SPDX-License-Identifier: Apache-2.0
// How busy the machine is, as the kernel counts it: proc_stat(5), proc_diskstats(5), proc_loadavg(5).
#pragma once
#include <bellhop/op/statistics.hpp>

#include <array>
#include <string>
#include <vector>

namespace bellhop::os {

Result<std::array<double, 3>> load_averages(const std::string& root);
Result<std::vector<op::Statistics::Cpu>> cpu_times(const std::string& root);
Result<std::vector<op::Statistics::Disk>> disk_counters(const std::string& root);

}  // namespace bellhop::os
