// SPDX-License-Identifier: Apache-2.0
#include "dialect/nova/requests.hpp"

#include <algorithm>
#include <utility>

namespace bellhop::nova {
namespace {

template <class Names> bool lists(const Names& names, std::string_view name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void Requests::changed(std::string_view path)
{
    const std::size_t at = path.find(folder_of_requests);  // it may be absolute
    if (at == path.npos || path.size() < at + folder_of_requests.size() + 2)
        return;
    path.remove_prefix(at + folder_of_requests.size() + 1);
    const std::string_view name = path.substr(0, path.find('/'));
    const bool hinted = std::any_of(hints_.begin(), hints_.end(), [name](const Hint& hint) { return hint.name == name; });
    if (!name.empty() && name.size() <= longest_name && hints_.size() < most_named && !known(name) && !hinted)
        hints_.push_back({std::string(name), false});
}

void Requests::listed(const std::vector<std::string>& names)
{
    more_ = false;
    std::erase_if(waiting_, [&](const std::string& name) { return !lists(names, name); });  // the host has given up
    for (const Hint& hint : hints_)
        if (lists(names, hint.name))
            more_ |= !add(hint.name);
    std::erase_if(hints_, [&](Hint& hint) { return std::exchange(hint.carried, true) || lists(names, hint.name); });
    for (const std::string& name : names)
        more_ |= !add(name);
}

void Requests::not_listed()
{
    std::erase_if(hints_, [&](const Hint& hint) { return add(hint.name); });
}

bool Requests::begin()
{
    if (!running_.empty() || waiting_.empty())
        return false;
    running_ = std::move(waiting_.front());
    waiting_.pop_front();
    return true;
}

// Not the one that has just ended: that is its removal which is heard.
bool Requests::begin_hinted()
{
    if (!running_.empty() || !waiting_.empty() || hints_.size() != 1 || hints_[0].carried || hints_[0].name == last_)
        return false;
    running_ = std::move(hints_[0].name);
    hints_.clear();
    return true;
}

void Requests::end()
{
    last_ = std::exchange(running_, {});
}

bool Requests::known(std::string_view name) const
{
    return name == running_ || lists(waiting_, name);
}

bool Requests::add(const std::string& name)  // false: no place for it
{
    if (name.empty() || name.size() > longest_name || known(name))
        return true;
    if (waiting_.size() >= most)
        return false;
    waiting_.push_back(name);
    return true;
}

}  // namespace bellhop::nova
