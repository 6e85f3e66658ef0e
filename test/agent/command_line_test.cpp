// SPDX-License-Identifier: Apache-2.0
#include "agent/command_line.hpp"
#include "support/catch.hpp"

#include <getopt.h>

using namespace bellhop;

namespace {

Result<std::variant<CommandLine, Text>> parse(std::vector<std::string> words)
{
    words.insert(words.begin(), "bellhop-agent");
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    optind = 0;  // getopt(3): begin anew
    return parse_command_line(int(words.size()), argv.data());
}

}  // namespace

TEST_CASE("command line: without options it is the usual vsock port", "[command-line]")
{
    const auto parsed = parse({});

    REQUIRE(parsed);
    const Config& config = std::get<CommandLine>(*parsed).config;
    REQUIRE(config.listen.size() == 1);
    CHECK(config.listen[0].transport == "vsock");
    CHECK(config.listen[0].address == "1024");
    CHECK(config.limits.runs == 64);
}

TEST_CASE("command line: what is given is taken", "[command-line]")
{
    const auto parsed =
        parse({"--listen", "unix:/a", "-l", "fd:3=frames", "--log-level=debug", "--max-runs", "2", "--max-connections=9",
               "--max-frame", "2048", "--max-buffered", "5000", "--idle-timeout", "0.5", "--stall-timeout", "7", "--grace", "0"});

    REQUIRE(parsed);
    const CommandLine& line = std::get<CommandLine>(*parsed);
    CHECK(line.config.listen.size() == 2);
    CHECK(line.log_level == Log::Level::debug);
    CHECK(line.config.limits.runs == 2);
    CHECK(line.config.limits.connections == 9);
    CHECK(line.config.limits.frame == 2048);
    CHECK(line.config.limits.buffered == 5000);
    CHECK(line.config.limits.idle == std::chrono::milliseconds(500));
    CHECK(line.config.limits.stall == std::chrono::seconds(7));
    CHECK(line.config.grace == std::chrono::milliseconds(0));
}

TEST_CASE("command line: what is wrong is named", "[command-line]")
{
    struct Row {
        std::vector<std::string> words;
        std::string named;
    };
    const Row row = GENERATE(values<Row>({
        {{"--nonsense"}, "--nonsense"},
        {{"-x"}, "-x"},
        {{"-l", "fd:3", "-xh"}, "-x"},
        {{"--help=1"}, "--help=1"},
        {{"-l"}, "-l"},
        {{"--listen"}, "--listen"},
        {{"--listen", "here"}, "'here'"},
        {{"word"}, "'word'"},
        {{"--log-level", "loud"}, "'loud'"},
        {{"--max-runs", "0"}, "--max-runs"},
        {{"--max-runs", "-1"}, "--max-runs"},
        {{"--max-runs", "1x"}, "--max-runs"},
        {{"--max-frame", "16777217"}, "--max-frame"},
        {{"--idle-timeout", "soon"}, "--idle-timeout"},
        {{"--idle-timeout", "nan"}, "--idle-timeout"},
        {{"--grace", "-1"}, "--grace"},
        {{"--grace", ""}, "--grace"},
    }));

    const auto parsed = parse(row.words);

    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().text.find(row.named) != std::string::npos);
}

TEST_CASE("command line: help and version are texts", "[command-line]")
{
    CHECK(std::get<Text>(*parse({"--help"})).text.starts_with("usage: bellhop-agent"));
    CHECK(std::get<Text>(*parse({"-V"})).text.starts_with("bellhop-agent "));
}
