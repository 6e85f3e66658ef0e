// SPDX-License-Identifier: Apache-2.0
// sysfs is read at once; only what a disk itself has to be asked is asked in a child, because it may not answer. The health pages
// come back as their numbers in a row.
#include "op/child_answer.hpp"
#include "op/jobs.hpp"
#include "os/block_devices.hpp"
#include "os/nvme.hpp"

namespace bellhop::op {
namespace {

Result<json::Value> find_pages(const std::string& root, const std::vector<std::string>& devices)
{
    json::Array all;
    for (const std::string& device : devices) {
        json::Array page;
        if (const auto smart = os::nvme_smart(root + device)) {
            for (const std::uint32_t number : {smart->critical_warning, smart->temperature, smart->available_spare,
                                               smart->available_spare_threshold, smart->percentage_used})
                page.push_back(std::int64_t(number));
            for (const Disks::Wide& count : smart->counts) {
                page.push_back(count.low);
                page.push_back(count.high);
            }
        }
        all.push_back(std::move(page));
    }
    return all;
}

Disks::Smart read_page(Fields numbers)
{
    Disks::Smart smart;
    for (std::uint32_t* number : {&smart.critical_warning, &smart.temperature, &smart.available_spare,
                                  &smart.available_spare_threshold, &smart.percentage_used})
        *number = numbers.number<std::uint32_t>();
    for (Disks::Wide& count : smart.counts) {
        count.low = numbers.number<std::uint64_t>();
        count.high = numbers.number<std::uint64_t>();
    }
    return smart;
}

bool has_page(const Disks::Disk& disk)
{
    return disk.address && disk.address->type == DiskAddress::Bus::nvme;
}

}  // namespace

Begun ask_disks(Guest& guest, const Context& context, Disks::Request, Then<Disks> then)
{
    Disks::Answer answer{os::disks(guest.facts.config.root)};
    std::vector<std::string> devices;
    for (const Disks::Disk& disk : answer.disks)
        if (has_page(disk))
            devices.push_back(disk.device);
    auto read = [answer = std::move(answer)](Fields pages) mutable {
        for (Disks::Disk& disk : answer.disks)
            if (has_page(disk))
                if (const Fields page(pages.value()); page.more())
                    disk.smart = read_page(page);
        return std::move(answer);
    };
    return ask_child<Disks>(guest, context, std::chrono::seconds(10),
                            std::bind_front(&find_pages, guest.facts.config.root, std::move(devices)), std::move(read),
                            std::move(then));
}

}  // namespace bellhop::op
