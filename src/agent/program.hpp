// SPDX-License-Identifier: Apache-2.0
// The agent as a process: signals, reload, drain, what the service manager is told, the out-of-memory score. All that a library
// may not touch is here.
#pragma once
#include "agent/command_line.hpp"
#include "agent/line_log.hpp"
#include "agent/notify.hpp"
#include "io/timers.hpp"

#include <bellhop/agent.hpp>

#include <asio/io_context.hpp>

#include <optional>

namespace bellhop {

class Program {
public:
    Program(const CommandLine& line, Settings settings);
    int run();  // the exit status

private:
    void on_signal(int number);
    void reload();
    void on_watchdog();
    void loop();

    const CommandLine& line_;
    Settings settings_;  // the file's and the command line's
    LineLog log_;
    ServiceManager manager_;
    asio::io_context io_{ASIO_CONCURRENCY_HINT_UNSAFE};
    io::LoopTimers timers_{io_};
    std::unique_ptr<Timer> watchdog_;
    std::optional<Agent> agent_;
    bool ending_ = false;
};

}  // namespace bellhop
