// SPDX-License-Identifier: Apache-2.0
#include "agent/command_line.hpp"
#include "agent/init.hpp"
#include "agent/program.hpp"
#include "agent/qemu_ga.hpp"
#include "agent/version.hpp"

#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace bellhop;

// Whoever started us may have left 0, 1 or 2 closed; then the next thing opened would be taken for it, and written to.
void fill_standard_descriptors(const char* path, int flags)
{
    for (int fd; (fd = ::open(path, flags)) >= 0;)
        if (fd > 2) {
            ::close(fd);
            return;
        }
}

int say(const std::string& text)
{
    return std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0 ? 1 : 0;
}

int refuse(const Error& error)
{
    std::fprintf(stderr, "bellhop-agent: %s\n", error.text.c_str());
    return 2;
}

int serve(int argc, char** argv, Init* init)
{
    using Wants = CommandLine::Wants;
    Result<CommandLine> line = parse_command_line(argc, argv, init ? StrayWords::ignored : StrayWords::refused);
    if (!line)
        return refuse(line.error());
    if (line->wants == Wants::help)
        return say(help_text());
    if (line->wants == Wants::version)
        return say(std::string("bellhop-agent ") + version + "\n");
    Result<Settings> settings = line->load();
    if (!settings)
        return refuse(settings.error());
    Program program(std::bind_front(&CommandLine::load, &*line), std::move(*settings), init);
    if (Status status = program.check(); !status)
        return refuse(status.error());
    if (line->wants == Wants::print_config)
        return say(program.config_text());
    return line->wants == Wants::check ? program.start() : program.run();
}

}  // namespace

int main(int argc, char** argv)
{
    std::optional<Init> init;
    if (::getpid() == 1) {
        init.emplace();
        fill_standard_descriptors("/dev/console", O_RDWR | O_NOCTTY);  // a kernel that did not find it has given us none
    }
    fill_standard_descriptors("/dev/null", O_RDWR);
    fill_standard_descriptors("/", O_PATH);  // no /dev at all: nothing can be read from this, or written to it
    Init* const first = init ? &*init : nullptr;
    const int status = qemu_ga::is_meant(argc, argv) ? qemu_ga::serve(argc, argv, first) : serve(argc, argv, first);
    return init ? init->end(status) : status;
}
