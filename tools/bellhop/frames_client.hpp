// SPDX-License-Identifier: Apache-2.0
// The verbs of the frames dialect, seen from the host. One connection per call, as the protocol has
// it; nothing is kept between them. When a second dialect comes, its verbs of the same names make
// the interface.
#pragma once
#include "address.hpp"
#include "base/json.hpp"

#include <bellhop/bytes.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace bellhop::tool {

struct Limits {
    std::chrono::milliseconds connect{10'000};
    std::optional<std::chrono::milliseconds> answer;  // of silence; none: each verb has its own
};

struct RunRequest {
    std::string command;            // a line for the guest's shell
    std::string shell = "login";    // or "raw"
    std::optional<double> timeout;  // seconds
    json::Members environment;
};

struct PutRequest {
    std::string local;  // for messages
    std::string path;
    std::string name;  // for a path that is a directory; may be empty
    std::optional<std::int64_t> mode;
    std::int64_t size = 0;
};

struct FileFacts {
    std::int64_t mode = 0, size = 0;  // the size is a hint: /proc says 0
};

enum class Stream { out, err };

// Every verb throws Failure: unreachable, broken (silence, nonsense, a hang-up), or failed with the
// guest's own words.
class FramesClient {
public:
    FramesClient(Address address, Limits limits) : address_(std::move(address)), limits_(limits) {}

    json::Value ping() const;
    json::Value info() const;
    json::Value run(const RunRequest& request, const std::function<void(Stream, ByteView)>& on_output) const;
    void put(const PutRequest& request, int file, const std::function<void(std::size_t)>& on_sent) const;
    FileFacts get(const std::string& path, const std::function<void(const FileFacts&)>& on_facts,
                  const std::function<void(ByteView)>& on_data) const;

private:
    json::Value ask(json::Members request) const;

    Address address_;
    Limits limits_;
};

}  // namespace bellhop::tool
