// SPDX-License-Identifier: Apache-2.0
// The agent on somebody's io_context: what an embedder needs. It runs on the thread that runs the io_context, and only there.
//
// Nothing process-wide is touched. The process has to ignore SIGPIPE (splice and sendfile have no MSG_NOSIGNAL); bellhop-agent's
// main() does. On kernels before 5.3 an asio::signal_set for SIGCHLD is used, so that no other handler may be installed for it.
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/log.hpp>
#include <bellhop/result.hpp>

#include <functional>
#include <memory>

namespace asio {
class io_context;
}

namespace bellhop {

struct DialectRow;  // <bellhop/rows.hpp>
struct OperationRow;
struct TransportRow;

class Agent {
public:
    Agent(asio::io_context&, Config, Log&);  // both outlive it
    ~Agent();                                // stops: kills what runs for peers, closes every link, removes its sockets

    // What the embedder has of its own, beside what is built in, and before start(). An Error: there is one of that name already.
    Status add(TransportRow);
    Status add(DialectRow);
    Status add(OperationRow);
    // An Error says which endpoint cannot be had and why; nothing listens then. With several endpoints, one that this kernel has
    // no support for is only a warning, as long as another one listens.
    Status start();
    // An Error names an operation or a dialect that a rule is about and that there is not, or an endpoint whose transport or
    // dialect there is not. start() and reload() ask the same.
    Status check(const Config&) const;
    // Takes over what can change while it runs: limits, grace, peers, rules. Listening goes on as it was. An Error: nothing
    // changed.
    Status reload(Config);
    // Ends in good order: no new links; what runs may end by itself for Limits::drain, then hears SIGTERM, and a second later
    // SIGKILL; answers leave. `done` is called once, from the loop, when the last link is gone or another second is over.
    void drain(std::function<void()> done);
    // `call` is made once, after start(): at once, unless an endpoint is a store. Then from the loop, when each of its sessions
    // has heard of what it watches, or has not for ten seconds (a warning; it is served as soon as its daemon answers). An Error:
    // a dialect named for a store is not spoken over one.
    void when_ready(std::function<void(Status)> call);
    // None of these calls may destroy the agent: it is in the middle of it. asio::post() that.
    // When no connection is left to wait for, each time: what serving them took can be given back.
    void on_rest(std::function<void()>);
    // When every transport is over and no link is left: only inherited connections end so (fd:N).
    void on_over(std::function<void()>);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace bellhop
