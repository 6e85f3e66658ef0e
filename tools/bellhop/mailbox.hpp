// SPDX-License-Identifier: Apache-2.0
// One domain's part of XenStore, where requests are laid down and answers found.
#pragma once
#include "base/json.hpp"
#include "client.hpp"
#include "store_link.hpp"

#include <string>
#include <string_view>

namespace bellhop::tool {

class Mailbox {
public:
    Mailbox(const Address& address, const Limits& limits);  // throws Failure when there is no such domain

    struct Answer {
        std::string code, message;
    };
    // Waits for the answer. Whatever comes of it, also an exception, request and answer are gone from the store then.
    Answer ask(std::string_view name, json::Value value);
    std::string must(std::string_view name, json::Value value, std::string_view code = "0");  // the message of a success
    std::string fact(const std::string& key);                                                 // of the domain; "": there is none
    std::size_t most_text() const;                                                            // of a request

private:
    class Letter;
    void must_be_there();
    void must_watch(const std::string& path);
    [[noreturn]] void nonsense(const std::string& what) const;
    Answer understood(const std::string& text) const;

    std::string where_, home_;
    int domain_;
    std::chrono::milliseconds patience_;
    StoreLink store_;
};

}  // namespace bellhop::tool
