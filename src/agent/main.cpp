// SPDX-License-Identifier: Apache-2.0
// bellhop-agent: what is the process's own (signals, standard error, the loop) is here, and nothing else is.
#include "agent/command_line.hpp"
#include "agent/line_log.hpp"
#include "os/signals.hpp"

#include <bellhop/agent.hpp>

#include <asio/io_context.hpp>

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace {

using namespace bellhop;

// An exception that no barrier caught is a bug or a lack of memory; what it was part of is lost, the agent goes on.
void run(asio::io_context& io, Log& log)
{
    for (;;) {
        try {
            io.run();
            return;
        } catch (const std::exception& e) {
            log.write(Log::Level::error, e.what());
        }
    }
}

// Whoever started us may have left 0, 1 or 2 closed; then the next thing opened would be taken for it, and written to.
void fill_standard_descriptors()
{
    for (int fd; (fd = ::open("/dev/null", O_RDWR)) >= 0;)
        if (fd > 2) {
            ::close(fd);
            return;
        }
}

bool orphans_come_to_us()
{
    int subreaper = 0;
    return ::getpid() == 1 || (::prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper);
}

int serve(CommandLine line)
{
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would take our children's exit codes away
    LineLog log(line.log_level);
    line.config.reap_strangers = orphans_come_to_us();
    asio::io_context io(ASIO_CONCURRENCY_HINT_UNSAFE);
    const os::Signals signals(io, {SIGTERM, SIGINT}, [&io](int) { io.stop(); });
    Agent agent(io, line.config, log);
    agent.on_over([&io] { io.stop(); });
    if (Status status = agent.start(); !status) {
        log.write(Log::Level::error, status.error().text);
        return 1;
    }
    run(io, log);
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    fill_standard_descriptors();
    Result<std::variant<CommandLine, Text>> asked = parse_command_line(argc, argv);
    if (!asked) {
        std::fprintf(stderr, "bellhop-agent: %s\n", asked.error().text.c_str());
        return 2;
    }
    if (const Text* text = std::get_if<Text>(&*asked))
        return std::fputs(text->text.c_str(), stdout) < 0 || std::fflush(stdout) != 0 ? 1 : 0;
    return serve(std::move(std::get<CommandLine>(*asked)));
}
