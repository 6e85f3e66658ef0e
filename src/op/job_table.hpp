// SPDX-License-Identifier: Apache-2.0
// Who runs and who waits. It owns no job: a lease is the unique_ptr<Job> itself, "attached" when a session holds it and
// "detached" when a Dialect does. What is left for a table is the limit, the order, and knowing when all is quiet.
#pragma once
#include <bellhop/timers.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

namespace bellhop::op {

class JobTable {
public:
    class Member {  // a job that counts; leaves by itself when it is destroyed
    public:
        Member() = default;
        Member(const Member&) = delete;

    protected:
        ~Member() { leave(); }
        bool enter(JobTable&);  // true: run now. false: on_turn() will come
        void leave();

    private:
        friend class JobTable;
        virtual void on_drain(int signal) = 0;  // end soon, in the way of that signal
        virtual void on_turn() = 0;             // from the loop
        JobTable* table_ = nullptr;
    };
    JobTable(Timers& timers, std::size_t limit) : timers_(timers), limit_(limit) {}
    void set_limit(std::size_t limit);
    void drain(int signal);  // asks all that run or wait to end
    std::size_t running() const { return running_; }
    std::size_t waiting() const { return waiting_.size(); }

private:
    void maybe_wake();
    void on_free();

    Timers& timers_;
    std::size_t limit_, running_ = 0;
    std::deque<Member*> waiting_;
    std::vector<Member*> members_;  // those that run, and those that wait
    std::unique_ptr<Timer> wake_;
};

}  // namespace bellhop::op
