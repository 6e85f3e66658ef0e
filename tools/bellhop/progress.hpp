// SPDX-License-Identifier: Apache-2.0
// The bar of a transfer: name, share, rate, time left. Only on a terminal, and only when the
// transfer lasts.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace bellhop::tool {

class Progress {
public:
    enum class Where { terminal, nowhere };  // nowhere: whatever stderr is
    Progress(std::string name, Where where);
    ~Progress();  // the next message starts on a line of its own
    Progress(const Progress&) = delete;

    void expect(std::int64_t total) { total_ = total; }  // 0: unknown
    void add(std::size_t bytes);
    std::int64_t bytes() const { return bytes_; }
    double seconds() const;

private:
    void draw();
    std::string line(int columns) const;

    std::string name_;
    bool terminal_, drawn_ = false;
    std::int64_t total_ = 0, bytes_ = 0;
    std::chrono::steady_clock::time_point start_, next_;
};

}  // namespace bellhop::tool
