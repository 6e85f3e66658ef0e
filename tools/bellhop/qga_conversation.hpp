// SPDX-License-Identifier: Apache-2.0
// One connection to a guest agent of QEMU's language, in step with it: a question, an answer. The guest is not trusted: an answer
// has a size limit, and every wait a deadline.
#pragma once
#include "base/json.hpp"
#include "client.hpp"
#include "framing/json_stream.hpp"
#include "socket.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bellhop::tool {

class Conversation {
public:
    Conversation(const Address& address, const Limits& limits)
        : where_(address.text), limits_(limits), socket_(address, limits.connect)
    {
        synchronise();
    }

    // What the command returns; null: it ended the connection, as a shutdown does.
    json::Value ask(const std::string& name, json::Members arguments);
    bool knows(const std::string& name);  // and may
    [[noreturn]] void nonsense(const std::string& what) const;

private:
    void synchronise();
    void send(const std::string& name, json::Members arguments, std::string before = {});
    json::Value next();
    bool fill();

    std::string where_;
    Limits limits_;
    Socket socket_;
    Deadline deadline_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(256 << 10);
    ByteView unread_;
    json_stream::Reader reader_;
    std::optional<json::Value> agent_;  // guest-info
};

const std::string& text_in(const json::Value& object, std::string_view name);                // "": there is none
std::string decoded(const Conversation&, const json::Value& object, std::string_view name);  // of base64
std::uint32_t random_number();

}  // namespace bellhop::tool
