// SPDX-License-Identifier: Apache-2.0
// The agent as a process: signals, reload, drain, what the service manager is told, the out-of-memory score. All that a library
// may not touch is here.
#pragma once
#include "agent/line_log.hpp"
#include "agent/notify.hpp"
#include "io/timers.hpp"

#include <bellhop/agent.hpp>

#include <asio/io_context.hpp>

#include <functional>

namespace bellhop {

class Init;

class Program {
public:
    using Load = std::function<Result<Settings>()>;                                          // again, for a reload
    Program(Load load, Settings settings, Init* init, std::function<void()> on_ready = {});  // init: we are process 1
    Status check() const { return check(settings_); }  // what only the agent knows: which operations, dialects, transports
    std::string config_text() const { return print(settings_); }
    int start();  // the exit status: 0, all endpoints are open
    int run();    // the same

private:
    Config first_config();
    Status check(const Settings&) const;
    void log_shortcomings();
    void on_agent_ready(const Status&);
    void on_signal(int number);
    void reload();
    void on_watchdog();
    void on_rest();
    void on_rested();
    void end();
    void loop();

    Load load_;
    Init* init_;
    std::function<void()> on_ready_;  // all endpoints are open
    Settings settings_;               // the file's and the command line's
    LineLog log_;
    ServiceManager manager_;
    asio::io_context io_{ASIO_CONCURRENCY_HINT_UNSAFE};
    io::LoopTimers timers_{io_};
    std::unique_ptr<Timer> watchdog_, rest_;
    Status protection_;  // from the kernel's out-of-memory killer
    Agent agent_;
    bool ending_ = false;                  // in good order
    bool over_ = false, resting_ = false;  // why the loop was stopped
    int exit_status_ = 0;
};

}  // namespace bellhop
