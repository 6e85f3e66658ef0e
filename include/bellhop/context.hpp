// SPDX-License-Identifier: Apache-2.0
// On whose behalf something is asked of the guest, and the registry that answers. The templates are all that callers see; policy
// sits behind the virtual functions, once.
#pragma once
#include <bellhop/barrier.hpp>
#include <bellhop/operation.hpp>
#include <bellhop/peer.hpp>
#include <bellhop/timers.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bellhop {

class Budget;
class Operations;

struct Context {
    Peer peer;
    std::string dialect;
    Operations& operations;
    Timers& timers;  // their calls pass the barrier too
    Barrier& barrier;
    Budget& memory;  // for what a peer makes us keep: half a request, queued input
};

class Operations {
public:
    struct Listed {
        const OperationInfo* info;
        bool enabled;  // policy would let this asker
    };
    virtual ~Operations() = default;

    // What the context refers to must outlive the job; the context itself need not.
    template <class Op> Result<std::unique_ptr<Job>> start(const Context& context, typename Op::Request request, JobSink& sink)
    {
        return start_erased(Op::info, context, &request, sink);
    }
    template <class Op> Result<typename Op::Answer> call(const Context& context, typename Op::Request request)
    {
        typename Op::Answer answer;
        if (Status status = call_erased(Op::info, context, &request, &answer); !status)
            return std::move(status.error());
        return answer;
    }
    // `then` is called once, from the loop and never from inside ask(), unless the lease is dropped before. It may drop the
    // lease.
    template <class Op> Result<std::unique_ptr<Lease>> ask(const Context& context, typename Op::Request request,
                                                           std::function<void(Result<typename Op::Answer>)> then)
    {
        return ask_erased(Op::info, context, &request, &then);
    }
    virtual std::vector<Listed> list(const Context&) = 0;
    virtual bool allows(const OperationInfo&, const Context&) = 0;  // there is one, and policy would let this asker

private:
    // `&info` is the operation's identity; request and answer are its Op::Request and Op::Answer, then is ask()'s own.
    virtual Result<std::unique_ptr<Job>> start_erased(const OperationInfo& info, const Context&, void* request, JobSink&) = 0;
    virtual Status call_erased(const OperationInfo& info, const Context&, void* request, void* answer) = 0;
    virtual Result<std::unique_ptr<Lease>> ask_erased(const OperationInfo& info, const Context&, void* request, void* then) = 0;
};

class Policy {
public:
    virtual ~Policy() = default;
    virtual Status check(const OperationInfo&, const Context&) = 0;  // denied: nothing has happened yet
};

}  // namespace bellhop
