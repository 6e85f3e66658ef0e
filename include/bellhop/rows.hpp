// SPDX-License-Identifier: Apache-2.0
// The rows of the agent's three tables. The built-in ones are listed in the registries; an embedder adds its own by Agent::add().
// What a function needs besides what it is given (the io_context, say), it captures; that must outlive the agent.
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/context.hpp>
#include <bellhop/dialect.hpp>
#include <bellhop/transport.hpp>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace asio {
class io_context;
}

namespace bellhop {

struct TransportRow {
    enum class Carries { bytes, store };  // what it gives its LinkSink
    std::string name;
    std::string usual_dialect;  // when an endpoint names none
    std::function<std::unique_ptr<Transport>(asio::io_context&, Timers&, std::string address)> make;  // once an endpoint
    Carries carries = Carries::bytes;  // of a store an endpoint may name several dialects: `=nova,xenserver`
};

struct DialectRow {
    std::string name;
    std::function<std::unique_ptr<Dialect>(const Config&, const Context& own)> make;  // own: for what outlives a link
    TransportRow::Carries over = TransportRow::Carries::bytes;                        // its transports
};

struct OperationRow {  // made by call_row(), ask_row() or job_row(), which know the types behind the void*
    const OperationInfo* info;
    std::function<Status(const Context&, void* request, void* answer)> call;
    std::function<Result<std::unique_ptr<Job>>(const Context&, void* request, JobSink&)> start;
    std::function<Result<std::unique_ptr<Lease>>(const Context&, void* request, void* then)> ask;
};

// Op is answered at once, by Status function(const Context&, const Op::Request&, Op::Answer&).
template <class Op, class Function> OperationRow call_row(Function function)
{
    static_assert(
        std::is_invocable_r_v<Status, const Function&, const Context&, const typename Op::Request&, typename Op::Answer&>);
    return {&Op::info,
            [function = std::move(function)](const Context& context, void* request, void* answer) -> Status {
                return function(context, *static_cast<const typename Op::Request*>(request),
                                *static_cast<typename Op::Answer*>(answer));
            },
            nullptr, nullptr};
}

// Op takes time and has one answer: Result<std::unique_ptr<Lease>> function(const Context&, Op::Request, Then), where Then is
// std::function<void(Result<Op::Answer>)>, called from the loop once.
template <class Op, class Function> OperationRow ask_row(Function function)
{
    using Begun = Result<std::unique_ptr<Lease>>;
    using Then = std::function<void(Result<typename Op::Answer>)>;
    static_assert(std::is_invocable_r_v<Begun, const Function&, const Context&, typename Op::Request, Then>);
    return {&Op::info, nullptr, nullptr,
            [function = std::move(function)](const Context& context, void* request, void* then) -> Begun {
                return function(context, std::move(*static_cast<typename Op::Request*>(request)),
                                std::move(*static_cast<Then*>(then)));
            }};
}

// Op takes time, and is begun by Result<std::unique_ptr<Job>> function(const Context&, Op::Request, JobSink&).
template <class Op, class Function> OperationRow job_row(Function function)
{
    using Begun = Result<std::unique_ptr<Job>>;
    static_assert(std::is_invocable_r_v<Begun, const Function&, const Context&, typename Op::Request, JobSink&>);
    return {&Op::info, nullptr,
            [function = std::move(function)](const Context& context, void* request, JobSink& sink) -> Begun {
                return function(context, std::move(*static_cast<typename Op::Request*>(request)), sink);
            },
            nullptr};
}

}  // namespace bellhop
