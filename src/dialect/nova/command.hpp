// SPDX-License-Identifier: Apache-2.0
// A command of the nova dialect is a row and a function. The function looks at the request's value, asks operations, and answers
// once: at once, or later from what an operation reports. Answering destroys the Call, so it is the last thing done with it.
#pragma once
#include "base/json.hpp"
#include "crypto/cipher.hpp"
#include "dialect/nova/message.hpp"

#include <bellhop/config.hpp>
#include <bellhop/context.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bellhop::nova {

class Session;

struct State {  // what is kept from one request to the next
    const std::string& version;
    const Config& config;
    const Context& context;
    std::optional<crypto::Key> key{};  // what a host and we agreed on for the next password
};

class Call {
public:
    Call(State& state, Session& session, Request request) : state_(state), session_(session), request_(std::move(request)) {}
    Call(const Call&) = delete;

    State& state() { return state_; }
    const std::string& name() const { return request_.name; }
    json::Value& value() { return request_.value; }
    bool has_value() const { return request_.has_value; }

    // The operation's answer, whenever it comes. `then` answers the call.
    template <class Op> void ask(typename Op::Request request, std::function<void(Call&, Result<typename Op::Answer>)> then)
    {
        auto lease = state_.context.operations.ask<Op>(
            state_.context, std::move(request),
            [this, then](Result<typename Op::Answer> answer) { then(*this, std::move(answer)); });
        if (!lease)
            return then(*this, std::move(lease.error()));
        lease_ = std::move(*lease);
    }

    // Each of these is the last; the Call is gone when it returns.
    void answer(std::string message, std::string_view code = "0");
    void fail(std::string message) { answer(std::move(message), "500"); }
    void unknown();

private:
    State& state_;
    Session& session_;
    Request request_;
    std::unique_ptr<Lease> lease_;
};

struct Command {
    std::string_view name;
    void (*start)(Call&);
    const OperationInfo* needs = nullptr;      // policy decides by it whether there is such a command
    bool (*enabled)(const Config&) = nullptr;  // none: always
};

const Command* find_command(std::string_view name, const State&);  // nullptr: none that this host may have
std::vector<std::string> command_names(const State&);              // those that it may have, sorted; the operator's own last

}  // namespace bellhop::nova
