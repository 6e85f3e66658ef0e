// SPDX-License-Identifier: Apache-2.0
// A place is handed on from the loop, never from inside the destructor that freed it: the next job's spawn, or its failure, must
// not run in the middle of another session's end.
#include "op/job_table.hpp"

#include <algorithm>
#include <utility>

namespace bellhop::op {

bool JobTable::Member::enter(JobTable& table)
{
    table_ = &table;
    table.members_.push_back(this);
    if (table.running_ < table.limit_ && table.waiting_.empty()) {
        ++table.running_;
        return true;
    }
    table.waiting_.push_back(this);
    return false;
}

void JobTable::Member::leave()
{
    JobTable* table = std::exchange(table_, nullptr);
    if (!table)
        return;
    std::erase(table->members_, this);
    const auto place = std::find(table->waiting_.begin(), table->waiting_.end(), this);
    if (place != table->waiting_.end()) {
        table->waiting_.erase(place);
        return;
    }
    --table->running_;
    table->maybe_wake();
}

void JobTable::maybe_wake()
{
    if (!waiting_.empty() && running_ < limit_ && !wake_)
        wake_ = timers_.after(std::chrono::milliseconds(0), std::bind_front(&JobTable::on_free, this));
}

void JobTable::set_limit(std::size_t limit)
{
    limit_ = limit;
    maybe_wake();
}

void JobTable::drain(int signal)
{
    for (Member* one : std::vector(members_))  // an end may take others with it
        if (std::find(members_.begin(), members_.end(), one) != members_.end())
            one->on_drain(signal);
}

void JobTable::on_free()
{
    wake_.reset();
    while (running_ < limit_ && !waiting_.empty()) {
        Member* next = waiting_.front();
        waiting_.pop_front();
        ++running_;
        next->on_turn();
    }
}

}  // namespace bellhop::op
