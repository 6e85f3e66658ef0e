// SPDX-License-Identifier: Apache-2.0
#include "dialect/nova/old_answers.hpp"

#include "dialect/nova/requests.hpp"

#include <algorithm>

namespace bellhop::nova {
namespace {

constexpr std::size_t most_adopted = 1024;  // a domain has a thousand nodes

bool is_uuid(std::string_view name)  // nobody else's then
{
    constexpr std::string_view shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    const auto fits = [](char c, char form) {
        return form == '-' ? c == '-' : std::string_view("0123456789abcdefABCDEF").find(c) != std::string_view::npos;
    };
    return std::equal(name.begin(), name.end(), shape.begin(), shape.end(), fits);
}

}  // namespace

void OldAnswers::adopt(const std::vector<std::string>& names)
{
    for (const std::string& name : names)
        if (all_.size() < most_adopted && is_uuid(name))
            all_.push_front({name, timers_.now()});
    wait();
}

void OldAnswers::add(const std::string& name)
{
    std::erase_if(all_, [&name](const One& one) { return one.name == name; });  // the host asks by the same name again
    all_.push_back({name, timers_.now()});
    while (all_.size() > most)
        remove_first();
    wait();
}

void OldAnswers::remove_all()
{
    while (!all_.empty())
        remove_first();
    wait();
}

void OldAnswers::remove_first()
{
    // Whether it was there still does not matter.
    store_.remove(std::string(folder_of_answers) + "/" + all_.front().name, [](const Status&) {});
    all_.pop_front();
}

void OldAnswers::on_time()
{
    while (!all_.empty() && timers_.now() - all_.front().written >= kept_for)
        remove_first();
    wait();
}

void OldAnswers::wait()
{
    timer_.reset();
    if (all_.empty())
        return;
    const auto left = all_.front().written + kept_for - timers_.now();
    timer_ = timers_.after(std::chrono::ceil<std::chrono::microseconds>(left), std::bind_front(&OldAnswers::on_time, this));
}

}  // namespace bellhop::nova
