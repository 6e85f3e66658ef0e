// SPDX-License-Identifier: Apache-2.0
// How much memory all peers together may make us keep. Each holder has a Share, which gives back what it took when it dies.
#pragma once
#include <cstddef>

namespace bellhop {

class Budget {
public:
    explicit Budget(std::size_t limit) : limit_(limit) {}
    std::size_t used() const { return used_; }
    void set_limit(std::size_t limit) { limit_ = limit; }  // what is taken already stays taken

    class Share {
    public:
        explicit Share(Budget& budget) : budget_(budget) {}
        Share(const Share&) = delete;
        ~Share() { give_back(); }
        bool take(std::size_t count)  // false: there is not so much left, and nothing was taken
        {
            if (budget_.used_ > budget_.limit_ || count > budget_.limit_ - budget_.used_)
                return false;
            budget_.used_ += count;
            taken_ += count;
            return true;
        }
        void give_back()
        {
            budget_.used_ -= taken_;
            taken_ = 0;
        }

    private:
        Budget& budget_;
        std::size_t taken_ = 0;
    };

private:
    std::size_t limit_, used_ = 0;
};

}  // namespace bellhop
