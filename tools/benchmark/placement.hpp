// SPDX-License-Identifier: Apache-2.0
// On which cores client and servers run, for as long as the object lives. It decides more than the
// code does: on one core client and server take turns and nothing overlaps, on two each hand-over
// may wake an idle core. So each row says what it compares.
#pragma once

#include "bench.hpp"

namespace bellhop::benchmark {

class Placement {
public:
    Placement(const Server& ours, const Server& floor);
    ~Placement();  // the client may go anywhere again
    Placement(const Placement&) = delete;

    // The client has a core of its own, servers and their commands the others: a host and a guest.
    // With a single core there is nothing to choose.
    void apart();
    // All on one core, on another in the next round, then anywhere: for what is compared at its
    // best.
    void vary(int round);

private:
    void place(const std::vector<int>& client, const std::vector<int>& servers);
    const Server &ours_, &floor_;
    std::vector<int> cores_;
};

}  // namespace bellhop::benchmark
