// SPDX-License-Identifier: Apache-2.0
#include "agent/command_line.hpp"
#include "support/loop.hpp"

#include <getopt.h>

using namespace bellhop;
using namespace bellhop::test;
using Wants = CommandLine::Wants;

namespace {

Result<CommandLine> parse(std::vector<std::string> words)
{
    words.insert(words.begin(), "bellhop-agent");
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    optind = 0;  // getopt(3): begin anew
    return parse_command_line(int(words.size()), argv.data());
}

Result<Settings> load(std::vector<std::string> words)
{
    Result<CommandLine> line = parse(std::move(words));
    if (!line)
        return line.error();
    return line->load();
}

}  // namespace

TEST_CASE("command line: what is given is taken", "[command-line]")
{
    const Result<Settings> settings = load({"--listen",
                                            "unix:/a;b\\c",
                                            "-l",
                                            "fd:3=frames",
                                            "--log-level=debug",
                                            "--max-runs",
                                            "2",
                                            "--max-connections=9",
                                            "--max-frame",
                                            "2048",
                                            "--max-buffered",
                                            "5000",
                                            "--idle-timeout",
                                            "0.5",
                                            "--stall-timeout",
                                            "7",
                                            "--grace",
                                            "0",
                                            "--vsock-cids",
                                            "1,2",
                                            "--unix-uids",
                                            "0;1000",
                                            "--block",
                                            "run put_file",
                                            "--config",
                                            "/dev/null"});

    REQUIRE(settings);
    const Config& config = settings->config;
    CHECK(config.listen == std::vector<Endpoint>{{"unix", "/a;b\\c", ""}, {"fd", "3", "frames"}});
    CHECK(settings->log_level == Log::Level::debug);
    CHECK(config.limits.runs == 2);
    CHECK(config.limits.connections == 9);
    CHECK(config.limits.frame == 2048);
    CHECK(config.limits.buffered == 5000);
    CHECK(config.limits.idle == std::chrono::milliseconds(500));
    CHECK(config.limits.stall == std::chrono::seconds(7));
    CHECK(config.grace == std::chrono::milliseconds(0));
    CHECK(config.peers.cids == std::vector<std::uint32_t>{1, 2});
    CHECK(config.peers.uids == std::vector<std::uint32_t>{0, 1000});
    CHECK(config.rules.blocked == std::vector<std::string>{"run", "put_file"});
}

TEST_CASE("command line: it wins over the file", "[command-line]")
{
    TempDir dir;
    write_file(dir / "conf", "[agent]\nlisten=unix:/one;unix:/two\n[limits]\nruns=5\nconnections=6\n");

    const Result<Settings> settings = load({"--max-runs=7", "--config", dir / "conf"});
    REQUIRE(settings);
    CHECK(settings->config.listen.size() == 2);
    CHECK(settings->config.limits.runs == 7);
    CHECK(settings->config.limits.connections == 6);
    CHECK(load({"--listen", "unix:/three", "--config", dir / "conf"})->config.listen ==
          std::vector<Endpoint>{{"unix", "/three", ""}});
}

TEST_CASE("command line: a file that was named has to be there and to be one", "[command-line]")
{
    TempDir dir;
    CHECK(load({"--config", dir / "none"}).error().text == "cannot read " + (dir / "none") + ": No such file or directory");
    CHECK_FALSE(load({"--config", dir.path()}));
    write_file(dir / "large", std::string(2 << 20, '#'));
    CHECK(load({"--config", dir / "large"}).error().text.find("larger") != std::string::npos);
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
        {{"--config"}, "--config"},
        {{"--listen", "here"}, "'here'"},
        {{"word"}, "'word'"},
        {{"--log-level", "loud"}, "--log-level takes one of error, warning, info, debug, not 'loud'"},
        {{"--log-target", "moon"}, "'moon'"},
        {{"--max-runs", "0"}, "--max-runs takes a whole number from 1 to 1000000, not '0'"},
        {{"--max-runs", "-1"}, "--max-runs"},
        {{"--max-runs", "1x"}, "--max-runs"},
        {{"--max-frame", "16777217"}, "--max-frame"},
        {{"--idle-timeout", "soon"}, "--idle-timeout takes seconds, not 'soon'"},
        {{"--idle-timeout", "nan"}, "--idle-timeout"},
        {{"--grace", "-1"}, "--grace"},
        {{"--grace", ""}, "--grace"},
        {{"--vsock-cids", "2,x"}, "--vsock-cids"},
        {{"--vsock-cids", "4294967296"}, "--vsock-cids"},
        {{"--root", "here"}, "--root takes an absolute path, not 'here'"},
    }));

    const Result<Settings> settings = load(row.words);

    REQUIRE_FALSE(settings);
    CHECK(settings.error().text.find(row.named) != std::string::npos);
}

TEST_CASE("command line: help, version and the configuration in force are texts", "[command-line]")
{
    CHECK(parse({"--help"})->wants == Wants::help);
    CHECK(parse({"-V"})->wants == Wants::version);
    CHECK(parse({"--print-config"})->wants == Wants::print_config);
    const std::string help = help_text();
    for (const Setting& one : settings())
        CHECK(help.find("--" + std::string(one.option) + " ") != help.npos);
}
