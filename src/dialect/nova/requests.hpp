// SPDX-License-Identifier: Apache-2.0
// Which requests wait, in the order in which they came. A listing has them in the daemon's order; watches tell the true one, as
// far as we were there to hear it: keyinit comes before the password that needs it.
#pragma once
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace bellhop::nova {

class Requests {
public:
    static constexpr std::size_t most = 64, longest_name = 255;
    static constexpr std::size_t most_named = 1024;  // a domain has a thousand nodes

    void changed(std::string_view path);                 // what a watch of `folder` says
    void listed(const std::vector<std::string>& names);  // all that there are
    void not_listed();                                   // nobody knows; what was named may be there
    bool begin();                                        // false: none waits
    bool begin_hinted();                                 // the one that a watch has just named, when no other can be before it
    void end();
    const std::string& running() const { return running_; }  // "": none
    bool waiting() const { return !waiting_.empty(); }
    bool more() const { return more_; }  // the last listing had more than we keep

private:
    bool known(std::string_view name) const;
    bool add(const std::string& name);

    struct Hint {
        std::string name;
        bool carried;  // one listing, which may have begun before the request was there, was without it
    };
    std::deque<std::string> waiting_;
    std::deque<Hint> hints_;
    std::string running_, last_;
    bool more_ = false;
};

constexpr std::string_view folder_of_requests = "data/host", folder_of_answers = "data/guest";

}  // namespace bellhop::nova
