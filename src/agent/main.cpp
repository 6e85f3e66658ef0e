// SPDX-License-Identifier: Apache-2.0
#include "agent/program.hpp"
#include "agent/version.hpp"

#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace bellhop;

// Whoever started us may have left 0, 1 or 2 closed; then the next thing opened would be taken for it, and written to.
void fill_standard_descriptors()
{
    for (int fd; (fd = ::open("/dev/null", O_RDWR)) >= 0;)
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

}  // namespace

int main(int argc, char** argv)
{
    using Wants = CommandLine::Wants;
    fill_standard_descriptors();
    Result<CommandLine> line = parse_command_line(argc, argv);
    if (!line)
        return refuse(line.error());
    if (line->wants == Wants::help)
        return say(help_text());
    if (line->wants == Wants::version)
        return say(std::string("bellhop-agent ") + version + "\n");
    Result<Settings> settings = line->load();
    if (!settings)
        return refuse(settings.error());
    if (line->wants == Wants::print_config)
        return say(print(*settings));
    return Program(*line, std::move(*settings)).run();
}
