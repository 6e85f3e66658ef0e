// SPDX-License-Identifier: Apache-2.0
// A file that is being written beside its target and takes the target's place at once, by rename(2), or not at all: destroying
// it unpublished removes it. All work goes through a descriptor of the directory, so that a directory renamed meanwhile is
// still the right one. What blocks is what write(2) on a regular file blocks.
#pragma once
#include <bellhop/bytes.hpp>
#include <bellhop/fd.hpp>
#include <bellhop/result.hpp>

#include <string>
#include <sys/types.h>

namespace bellhop::os {

class TempFile {
public:
    // when_whole: it has no name before it is published, where the file system can do that, so that whatever kills us while it is
    // being written leaves nothing.
    enum class Name { at_once, when_whole };
    // In the target's directory, mode 0600, named `prefix` and some random letters.
    static Result<TempFile> beside(const std::string& target, const std::string& prefix, Name);
    TempFile(TempFile&&) = default;
    TempFile& operator=(TempFile&&) = delete;
    ~TempFile();

    Status write(ByteView);   // all of it
    Status set_mode(mode_t);  // permission bits
    Status set_owner(uid_t, gid_t);
    Status sync();     // what was written is on the disk
    Status publish();  // once

private:
    TempFile(Fd directory, Fd file, std::string temporary, std::string name, std::string prefix)
        : directory_(std::move(directory)), file_(std::move(file)), temporary_(std::move(temporary)), name_(std::move(name)),
          prefix_(std::move(prefix))
    {
    }
    Status give_name();

    Fd directory_, file_;           // no file: published, or moved from
    std::string temporary_, name_;  // both within the directory; no temporary_: it has no name yet
    std::string prefix_;
};

}  // namespace bellhop::os
