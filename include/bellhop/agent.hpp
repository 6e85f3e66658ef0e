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

class Agent {
public:
    Agent(asio::io_context&, Config, Log&);  // both outlive it
    ~Agent();                                // stops: kills what runs for peers, closes every link, removes its sockets

    // An Error says which endpoint cannot be had and why; nothing listens then. With several endpoints, one that this kernel has
    // no support for is only a warning, as long as another one listens.
    Status start();
    // When every transport is over and no link is left: only inherited connections end so (fd:N).
    void on_over(std::function<void()>);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace bellhop
