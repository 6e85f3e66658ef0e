// SPDX-License-Identifier: Apache-2.0
// The verbs of an agent, seen from the host, in whatever language it speaks.
#pragma once
#include "address.hpp"
#include "base/json.hpp"

#include <bellhop/bytes.hpp>
#include <bellhop/secret.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
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
    bool mode_wanted = false;  // given by hand, not the local file's
    std::int64_t size = 0;
};

struct FileFacts {
    std::int64_t mode = 0, size = 0;  // the size is a hint: /proc says 0
};

struct CallRequest {
    std::string name;
    std::optional<std::string> argument;  // as it was given
    std::optional<double> timeout;        // seconds
};

struct CallAnswer {
    json::Members members;  // what --json tells
    std::string text;       // what is printed without it
    std::string trouble;    // why the command failed; empty: it did not
};

enum class Stream { out, err };

// Every verb throws Failure: unreachable, broken (silence, nonsense, a hang-up), or failed with the
// guest's own words. The answers are those of the frames dialect (docs/dialects/frames.md), as far
// as the other one knows them.
class Client {
public:
    virtual ~Client() = default;
    virtual json::Value ping() const = 0;
    virtual json::Value info() const = 0;
    virtual json::Value run(const RunRequest& request, const std::function<void(Stream, ByteView)>& on_output) const = 0;
    virtual void put(const PutRequest& request, int file, const std::function<void(std::size_t)>& on_sent) const = 0;
    virtual FileFacts get(const std::string& path, const std::function<void(const FileFacts&)>& on_facts,
                          const std::function<void(ByteView)>& on_data) const = 0;
    // frames: an own command of the guest. The others: a request by its name in that language.
    virtual CallAnswer call(const CallRequest& request) const = 0;
    virtual void set_password(const std::string& user, const Secret& password) const = 0;
};

std::unique_ptr<Client> make_client(Address address, Limits limits);

}  // namespace bellhop::tool
