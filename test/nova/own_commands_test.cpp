// SPDX-License-Identifier: Apache-2.0
// The operator's own commands, under their own names.
#include "nova/world.hpp"

using namespace bellhop;
using namespace bellhop::test;

namespace {

struct Row {
    op::OwnCommand::Answer said;
    std::string answer;
};

const Row table[] = {
    {{0, "done", false, ""}, answered("done")},
    {{0, "", false, "never mind"}, answered("")},
    {{0, R"({"a": 1})", true, ""}, answered(R"({\"a\": 1})")},
    {{3, "partly", false, "no space"}, answered("own command 'x' ended with 3: no space", "500")},
    {{-9, "", false, ""}, answered("own command 'x' ended with -9", "500")},
};

}  // namespace

TEST_CASE("nova: an own command answers with its text, or says how it failed", "[nova][own]")
{
    for (const Row& row : table) {
        INFO(row.answer);
        NovaHost nova;
        nova.operations.own_commands[R"(x {"a":[1,"b"]})"] = row.said;

        CHECK(nova.says(R"({"name": "x", "value": {"a": [1, "b"]}})").empty());
        nova.operations.called();
        nova.store.turn();

        CHECK(nova.answer("request-1") == row.answer);
        CHECK(nova.store.children("data/host").empty());
    }
}

TEST_CASE("nova: an own command's argument is null without a value, and a text with one", "[nova][own]")
{
    NovaHost nova;
    nova.operations.own_commands["x null"] = {0, "none", false, ""};
    nova.operations.own_commands["x \"\""] = {0, "empty", false, ""};

    nova.says(R"({"name": "x"})");
    nova.operations.called();
    nova.says(R"({"name": "x", "value": ""})");
    nova.operations.called();
    nova.store.turn();

    CHECK(nova.answer("request-1") == answered("none"));
    CHECK(nova.answer("request-2") == answered("empty"));
}

TEST_CASE("nova: features lists own commands among the others, and a built-in one wins", "[nova][own]")
{
    NovaHost nova;
    nova.operations.own_commands["backup null"] = nova.operations.own_commands["version null"] = {0, "mine", false, ""};

    CHECK(nova.says(R"({"name": "features"})").find("keyinit,password,version,backup") != std::string::npos);
    CHECK(nova.says(R"({"name": "version"})") == answered("9.8.7"));
}

TEST_CASE("nova: however many own commands there are, features has nova's own, and no half names", "[nova][own]")
{
    NovaHost nova;
    for (int i = 100; i < 200; ++i)
        nova.operations.own_commands["a-" + std::string(40, 'x') + std::to_string(i) + " null"] = {0, "", false, ""};

    const std::string answer = nova.says(R"({"name": "features"})");

    CHECK(answer.size() <= 2015);
    CHECK(answer.size() > 1900);
    CHECK(answer.find("version,a-") != std::string::npos);
    const std::size_t end = answer.find("\", \"returncode");
    CHECK(end - answer.rfind(',', end - 1) == 1 + 2 + 40 + 3);
}
