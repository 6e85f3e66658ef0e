// SPDX-License-Identifier: Apache-2.0
// What has been answered and lies in the store still: hosts of nova read an answer and leave it there. C xenstored has room for
// 54 names of a uuid's length in one directory and then refuses every further answer, so ours go: the oldest of many, and the
// old.
#pragma once
#include <bellhop/store.hpp>
#include <bellhop/timers.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace bellhop::nova {

class OldAnswers {
public:
    static constexpr std::size_t most = 16;
    static constexpr std::chrono::minutes kept_for{10};  // a host asks twice a second, for five minutes at most

    OldAnswers(Store& store, Timers& timers) : store_(store), timers_(timers) {}
    void adopt(const std::vector<std::string>& names);  // what an agent before us left
    void add(const std::string& name);                  // written just now
    void remove_all();

private:
    struct One {
        std::string name;
        std::chrono::steady_clock::time_point written;
    };
    void remove_first();
    void on_time();
    void wait();

    Store& store_;
    Timers& timers_;
    std::deque<One> all_;           // the oldest first
    std::unique_ptr<Timer> timer_;  // while there are any
};

}  // namespace bellhop::nova
