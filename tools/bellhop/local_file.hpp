// SPDX-License-Identifier: Apache-2.0
// The host's side of put and get: where the bytes come from, and where they land.
#pragma once
#include <bellhop/bytes.hpp>
#include <bellhop/fd.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace bellhop::tool {

// A file to send, from its position on. What has no size that can be trusted (a pipe, /proc) is
// copied to an unlinked file first.
struct Source {
    Fd file;
    std::int64_t size = 0;
    std::optional<std::int64_t> mode;  // none: stdin
};
Source open_source(const std::string& path);  // "-" is stdin; throws Failure

// A file to receive. Beside the target until publish() renames it: whoever looks sees the old file
// or the whole new one, and a failure, SIGINT, SIGTERM, SIGHUP or SIGQUIT leaves nothing behind.
// stdout, devices and FIFOs are written as they are.
class Target {
public:
    explicit Target(std::string path);  // "-" is stdout; throws Failure
    ~Target();
    Target(const Target&) = delete;

    void write(ByteView bytes);
    void publish(std::int64_t mode);

private:
    void open_in_place();
    void open_beside();

    std::string path_, temporary_;
    Fd file_;
    int fd_ = -1;  // file_'s, or stdout
};

// Where `remote` lands when the user said `local`: a directory gets it under the remote's own last
// name.
std::string target_path(const std::string& local, const std::string& remote);

}  // namespace bellhop::tool
