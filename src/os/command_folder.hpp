// SPDX-License-Identifier: Apache-2.0
// A folder of programs that nobody but root can have put there.
#pragma once
#include <bellhop/fd.hpp>
#include <bellhop/result.hpp>

#include <string>
#include <vector>

namespace bellhop::os {

class CommandFolder {
public:
    // Error::Kind::not_found: there is none. Any other: it is there and not to be trusted, or not to be had; the text names it.
    static Result<CommandFolder> open(std::string path);
    Status check(const std::string& name) const;  // of one file in it, in the same way
    std::vector<std::string> names() const;       // all but those that begin with a dot, sorted
    std::string path_of(const std::string& name) const { return path_ + "/" + name; }

private:
    CommandFolder(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    Fd fd_;
    std::string path_;
};

}  // namespace bellhop::os
