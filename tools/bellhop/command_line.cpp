// SPDX-License-Identifier: Apache-2.0
// The words behind `run … --` never reach CLI11: it would take `[a,b]` for a list of two, and the
// command must get its arguments as they were given.
#include "failure.hpp"
#include "help.hpp"
#include "options.hpp"
#include "output.hpp"
#include "text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unistd.h>

namespace bellhop::tool {
namespace {

constexpr double longest_time = 366.0 * 24 * 3600;

// Seconds, fractions allowed. CLI11's own check of ranges lets "nan" pass.
CLI::Validator seconds(double least)
{
    return CLI::Validator(
        [least](std::string& text) {
            char* end = nullptr;
            const double value = std::strtod(text.c_str(), &end);
            return !text.empty() && *end == 0 && value >= least && value <= longest_time  // no NaN
                       ? std::string()
                       : "'" + text + "' is no number of seconds";
        },
        "SECONDS");
}

std::chrono::milliseconds milliseconds(double seconds)
{
    return std::chrono::milliseconds(std::int64_t(std::ceil(seconds * 1000)));
}

std::int64_t octal(const std::string& text)
{
    std::int64_t mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (error != std::errc() || end != text.data() + text.size() || mode < 0 || mode > 07777)
        throw Failure(Exit::usage, "--mode '" + text + "' is no octal mode", "such as --mode 0644");
    return mode;
}

void must_be_utf8(const std::string& word, const std::string& what)
{
    if (!is_utf8(word))
        throw Failure(Exit::usage, what + " is not UTF-8, which is all that the protocol carries: " + printable(word));
}

json::Members environment_of(const std::vector<std::string>& assignments)
{
    json::Members members;
    for (const std::string& assignment : assignments) {
        const std::size_t equals = assignment.find('=');
        if (equals == 0 || equals == assignment.npos)
            throw Failure(Exit::usage, "--env '" + printable(assignment) + "' is not NAME=VALUE");
        must_be_utf8(assignment, "--env");
        members.emplace_back(assignment.substr(0, equals), assignment.substr(equals + 1));
    }
    return members;
}

// How many words are ours: all, or those before the `--` of `run`.
int own_words(int count, char** words)
{
    using namespace std::string_view_literals;
    static constexpr std::array verbs{"ping"sv, "wait"sv, "info"sv, "run"sv, "put"sv, "get"sv, "call"sv, "password"sv};
    char** const end = words + count;
    char** const verb = std::find_first_of(words, end, verbs.begin(), verbs.end());
    if (verb == end || *verb != "run"sv)
        return count;
    return int(std::find(verb, end, "--"sv) - words);
}

class CommandLine {
public:
    CommandLine();
    std::optional<Options> read(int count, char** words);

private:
    void add_run();
    void add_the_rest();
    void take(int count, char** words);
    void take_run(const std::vector<std::string>& command);
    void check();
    std::string verb();  // empty: none was given
    [[noreturn]] void refuse(const CLI::ParseError& error);
    Exit usage_code() { return verb() == "run" ? Exit::own_trouble : Exit::usage; }

    Options options_;
    std::optional<double> connect_limit_, answer_limit_, patience_;
    std::optional<std::string> shell_line_;
    std::vector<std::string> environment_;
    std::string mode_;
    CLI::App app_;
};

CommandLine::CommandLine() : app_("", "bellhop")
{
    app_.require_subcommand(0, 1);
    app_.fallthrough();
    app_.set_version_flag("--version", "bellhop " BELLHOP_VERSION);
    app_.add_option("--at", options_.at);
    app_.add_flag("--json", options_.json);
    app_.add_option("--connect-timeout", connect_limit_)->check(seconds(0.001));
    app_.add_option("--answer-timeout", answer_limit_)->check(seconds(0.001));
    app_.add_subcommand("ping");
    app_.add_subcommand("wait")->add_option("--timeout", patience_)->check(seconds(0));
    app_.add_subcommand("info");
    add_run();
    add_the_rest();
}

void CommandLine::add_run()
{
    CLI::App* run = app_.add_subcommand("run");
    run->add_option("-c", shell_line_);
    run->add_option("--shell", options_.run.shell)->check(CLI::IsMember({"login", "raw"}));
    run->add_option("--timeout", options_.run.timeout)->check(seconds(0.001));
    run->add_option("--env", environment_)->allow_extra_args(false);
}

void CommandLine::add_the_rest()
{
    CLI::App* put = app_.add_subcommand("put");
    put->add_option("LOCAL", options_.local)->required();
    put->add_option("REMOTE", options_.remote)->required();
    put->add_option("--mode", mode_);
    CLI::App* get = app_.add_subcommand("get");
    get->add_option("REMOTE", options_.remote)->required();
    get->add_option("LOCAL", options_.local)->required();
    CLI::App* call = app_.add_subcommand("call");
    call->add_option("NAME", options_.call.name)->required();
    call->add_option("ARGUMENT", options_.call.argument);
    call->add_option("--timeout", options_.call.timeout)->check(seconds(0.001));
    app_.add_subcommand("password")->add_option("USER", options_.user);
}

std::string CommandLine::verb()
{
    const auto chosen = app_.get_subcommands();
    return chosen.empty() ? "" : chosen.front()->get_name();
}

// `words` are those of run's command, with the `--` before them.
void CommandLine::take(int count, char** words)
{
    options_.command = verb();
    if (options_.command.empty())
        throw Failure(Exit::usage, "what shall the agent do? ping, wait, info, run, put, get, call or password",
                      "try: bellhop --help");
    if (const char* at = std::getenv("BELLHOP_AT"); at && options_.at.empty())
        options_.at = at;
    if (connect_limit_)
        options_.limits.connect = milliseconds(*connect_limit_);
    if (answer_limit_)
        options_.limits.answer = milliseconds(*answer_limit_);
    if (patience_)
        options_.patience = milliseconds(*patience_);
    if (!mode_.empty())
        options_.mode = octal(mode_);
    if (options_.command == "run")
        take_run({words + (count > 0), words + count});
    check();
}

void CommandLine::take_run(const std::vector<std::string>& command)
{
    if (command.empty() == !shell_line_)
        throw Failure(Exit::usage, shell_line_ ? "run takes -c STRING or -- COMMAND, not both" : "run what?",
                      "bellhop run -c STRING, or: bellhop run -- COMMAND [ARGUMENT]...");
    options_.run.command = shell_line_ ? *shell_line_ : quoted_for_sh(command);
    must_be_utf8(options_.run.command, "the command");
    options_.run.environment = environment_of(environment_);
}

void CommandLine::check()
{
    if (options_.at.empty())
        throw Failure(Exit::usage, "where is the agent? Give --at ENDPOINT, or set BELLHOP_AT",
                      std::string("ENDPOINT is one of\n") + address_forms);
    must_be_utf8(options_.remote, "REMOTE");
    must_be_utf8(options_.call.name, "NAME");
    must_be_utf8(options_.user, "USER");
    if (options_.command == "get" && options_.json && options_.local == "-")
        throw Failure(Exit::usage, "stdout cannot carry both the file and --json", "get it into a file");
}

std::optional<Options> CommandLine::read(int count, char** words)
{
    const int ours = own_words(count, words);
    try {
        app_.parse(ours, words);
        take(count - ours, words + ours);
        return std::move(options_);
    } catch (const CLI::CallForHelp&) {
        write_all(STDOUT_FILENO, bytes_of(help_for(verb())), "stdout");
    } catch (const CLI::CallForVersion&) {
        say("bellhop " BELLHOP_VERSION);
    } catch (const CLI::ParseError& error) {
        refuse(error);
    } catch (Failure& failure) {
        failure.exit = usage_code();
        throw;
    }
    return {};
}

void CommandLine::refuse(const CLI::ParseError& error)
{
    const bool bare_command = verb() == "run" && error.get_exit_code() == int(CLI::ExitCodes::ExtrasError);
    throw Failure(usage_code(), printable(error.what()),
                  bare_command ? "the command stands behind --, as in: bellhop run -- uname -a"
                               : "try: bellhop " + verb() + (verb().empty() ? "--help" : " --help"));
}

}  // namespace

bool asks_for_json(int count, char** words)
{
    char** const end = words + own_words(count, words);
    return std::find(words, end, std::string_view("--json")) != end;
}

std::optional<Options> read_command_line(int count, char** words)
{
    return CommandLine().read(count, words);
}

}  // namespace bellhop::tool
