// SPDX-License-Identifier: Apache-2.0
// What hosts may write under data/host, and what becomes of it: nova's and other people's, in any order and at any time.
#include "base/json.hpp"
#include "nova/world.hpp"

using namespace bellhop;
using namespace bellhop::test;
using namespace std::chrono_literals;

namespace {

struct Row {
    std::string request, answer;
};

const Row table[] = {
    {R"({"name": "version", "value": "agent"})", answered("9.8.7")},
    {R"({"name":"version"})", answered("9.8.7")},
    {" {\"name\": \"version\", \"value\": \"agent\"}\n", answered("9.8.7")},
    {"abc", answered("Request is malformed", "500")},
    {"", answered("Request is malformed", "500")},
    {"[]", answered("Request is malformed", "500")},
    {"\"version\"", answered("Request is malformed", "500")},
    {"{\"name\": \"version\"", answered("Request is malformed", "500")},
    {std::string("{\"name\": \"ver\0sion\"}", 20), answered("Request is malformed", "500")},
    {"{\"name\": \"\xff\"}", answered("Request is malformed", "500")},
    {std::string(4000, '['), answered("Request is malformed", "500")},
    {R"({"name": "version", "value": ")" + std::string(5000, 'x') + "\"}", answered("Request is malformed", "500")},
    {"{}", answered("Request is missing 'name' key", "500")},
    {R"({"value": "agent"})", answered("Request is missing 'name' key", "500")},
    {R"({"name": "unknown_command", "value": ""})", answered("No such agent command 'unknown_command'", "404")},
    {R"({"name": "__class__", "value": ""})", answered("No such agent command '__class__'", "404")},
    {R"({"name": "", "value": ""})", answered("No such agent command ''", "404")},
    {R"({"name": 7})", answered("No such agent command '7'", "404")},
    {R"({"name": null})", answered("No such agent command 'null'", "404")},
    {R"({"name": "resetnetwork", "value": ""})", answered("No such agent command 'resetnetwork'", "404")},
    {R"({"name": "agentupdate", "value": "http://x/y.tar,0"})", answered("No such agent command 'agentupdate'", "404")},
    {R"({"name": "a\"b\\\n"})", answered("No such agent command 'a\\\"b\\\\\\u000a'", "404")},
    {R"({"name": "x", "value": 128492706489454800633959484585958})", answered("No such agent command 'x'", "404")},
    {R"({"name": "\"1234567890123456789012345\""})",
     answered("No such agent command '\\\"1234567890123456789012345\\\"'", "404")},
};

}  // namespace

TEST_CASE("nova: each request has the answer that its hosts wait for, and is gone then", "[nova]")
{
    for (const Row& row : table) {
        INFO(row.request);
        NovaHost nova;
        CHECK(nova.says(row.request) == row.answer);
        CHECK(nova.store.children("data/host").empty());
        CHECK(nova.store.troubles.empty());
    }
}

TEST_CASE("nova: an answer fits a node of C xenstored, cut behind a whole character", "[nova]")
{
    const std::string piece = GENERATE(values<std::string>({"x", "\xc3\xa4", "\xf0\x9f\x94\x94", "\\\"", "\\n", "\\u0007"}));
    for (std::size_t before = 0; before < 8; ++before) {
        NovaHost nova;
        const std::string name = std::string(before, '-') + [&] {
            std::string many;
            while (many.size() < 3000)
                many += piece;
            return many;
        }();
        const std::string answer = nova.says("{\"name\": \"" + name + "\"}");
        const Result<json::Value> parsed = json::parse(answer);
        REQUIRE(parsed);
        CHECK(answer.size() <= 2015);
        CHECK(answer.size() > 2015 - 6);
        CHECK((*parsed)["returncode"].string()->size() == 3);
        CHECK((*parsed)["message"].string()->starts_with("No such agent command '" + std::string(before, '-')));
    }
}

TEST_CASE("nova: the folder is made, watched, and looked at each minute in case a hint was lost", "[nova]")
{
    NovaHost nova;
    CHECK(nova.store.tree.count("data/host") == 1);
    CHECK(nova.store.watchers() == 1);
    nova.store.tree["data/host/silent"] = R"({"name": "version"})";

    nova.timers.advance(59s);
    nova.store.turn();
    CHECK(nova.answer("silent").empty());
    nova.timers.advance(1s);
    nova.store.turn();
    CHECK(nova.answer("silent") == answered("9.8.7"));
    CHECK(nova.timers.waiting() == 2);
}

TEST_CASE("nova: a daemon that has forgotten the folder, or has it for another domain now, is given it again", "[nova]")
{
    NovaHost nova;
    nova.store.tree.clear();
    nova.store.fire("data/host");
    nova.store.turn();
    CHECK(nova.store.tree.count("data/host") == 1);
    CHECK(nova.says(R"({"name": "version"})") == answered("9.8.7"));
}

TEST_CASE("nova: a request that an event names waits for the store three times, and is listed afterwards", "[nova]")
{
    NovaHost nova;
    nova.store.events_first = true;
    nova.store.heard.clear();

    nova.ask("x", R"({"name": "version"})");
    nova.store.turn();

    CHECK(nova.answer("x") == answered("9.8.7"));
    CHECK(nova.store.heard == std::vector<std::string>{"read data/host/x", "begin", "commit", "list data/host"});
}

TEST_CASE("nova: an event that names nothing, or what is gone, is heard and forgotten", "[nova]")
{
    NovaHost nova;
    const std::string path =
        GENERATE(values<std::string>({"data/host", "data/host/", "data/host//", "data/host/gone", "data/host/gone/x"}));
    const int before = nova.store.lists;
    nova.store.fire(path);
    nova.store.turn();
    CHECK(nova.session->idle());
    CHECK(nova.store.lists == before + 1);
    CHECK(nova.store.troubles.empty());
    CHECK(nova.says(R"({"name": "version"})") == answered("9.8.7"));
}

TEST_CASE("nova: what is named while a listing fails is served all the same, in its order", "[nova]")
{
    NovaHost nova;
    nova.store.every_list = E2BIG;  // oxenstored, when all names do not fit into one answer
    for (const char* name : {"c", "a", "d", "b"})
        nova.ask(name, R"({"name": "version"})");
    nova.store.turn();
    CHECK(nova.store.answered == std::vector<std::string>{"data/guest/c", "data/guest/a", "data/guest/d", "data/guest/b"});
}

TEST_CASE("nova: as many as a domain has room for are served without a listing", "[nova]")
{
    NovaHost nova;
    nova.store.every_list = E2BIG;
    for (int i = 0; i < 1000; ++i)
        nova.ask("r" + std::to_string(i), R"({"name": "version"})");
    nova.store.turn();
    CHECK(nova.store.answered.size() == 1000);
    CHECK(nova.store.children("data/host").empty());
}

TEST_CASE("nova: what waited before the agent came is answered", "[nova]")
{
    NovaHost nova;
    nova.session.reset();
    CHECK(nova.store.watchers() == 0);
    nova.ask("early", R"({"name": "version"})");
    nova.store.turn();
    CHECK(nova.waits("early"));

    nova.start();

    CHECK(nova.answer("early") == answered("9.8.7"));
}

TEST_CASE("nova: requests that come together are answered in the order in which they came", "[nova]")
{
    NovaHost nova;
    for (const char* name : {"c", "a", "d", "b"})
        nova.ask(name, R"({"name": "version"})");
    nova.store.turn();
    CHECK(nova.store.answered == std::vector<std::string>{"data/guest/c", "data/guest/a", "data/guest/d", "data/guest/b"});
}

TEST_CASE("nova: a storm of events costs a look or two, not one each", "[nova]")
{
    NovaHost nova;
    const int before = nova.store.lists;
    for (int i = 0; i < 1000; ++i)
        nova.store.fire("data/host/" + std::to_string(i));
    nova.store.turn();
    CHECK(nova.store.lists - before <= 3);
    CHECK(nova.says(R"({"name": "version"})") == answered("9.8.7"));
}

TEST_CASE("nova: a thousand requests are all answered, and our old answers make room", "[nova]")
{
    NovaHost nova;
    nova.store.most_answers = 54;
    const int before = nova.store.lists;
    for (int i = 0; i < 1000; ++i)
        nova.ask("r" + std::to_string(i), R"({"name": "version"})");
    nova.store.turn();
    CHECK(nova.store.answered.size() == 1000);
    CHECK(nova.store.children("data/host").empty());
    CHECK(nova.store.children("data/guest").size() == 16);
    CHECK(nova.store.lists - before < 100);
    CHECK(nova.answer("r999") == answered("9.8.7"));
    CHECK(nova.store.troubles.empty());
}

TEST_CASE("nova: a host that has given up gets no answer", "[nova]")
{
    NovaHost nova;
    SECTION("before its request is read")
    {
        nova.ask("x", R"({"name": "version"})");
        nova.store.host_removes("data/host/x");
    }
    SECTION("while its request is being answered")
    {
        nova.store.before_commit = [&] { nova.store.host_removes("data/host/x"); };
        nova.ask("x", R"({"name": "version"})");
    }
    nova.store.turn();
    CHECK(nova.store.answered.empty());
    CHECK(nova.store.troubles.empty());
    CHECK(nova.says(R"({"name": "version"})") == answered("9.8.7"));
}

TEST_CASE("nova: a transaction that the store wants again is made again", "[nova]")
{
    NovaHost nova;
    nova.store.commit_faults = {EAGAIN, EAGAIN, EAGAIN};
    CHECK(nova.says(R"({"name": "version"})") == answered("9.8.7"));
    CHECK(nova.store.answered.size() == 1);
    CHECK(nova.store.bodies == 4);
}

TEST_CASE("nova: a name that is used again is a request again", "[nova]")
{
    NovaHost nova;
    nova.ask("x", R"({"name": "version"})");
    nova.store.turn();
    nova.ask("x", R"({"name": "nothing"})");
    nova.store.turn();
    CHECK(nova.answer("x") == answered("No such agent command 'nothing'", "404"));
    CHECK(nova.store.answered.size() == 2);
}

TEST_CASE("nova: without room for an answer the old ones go first, once", "[nova]")
{
    const int fault = GENERATE(ENOSPC, EDQUOT, E2BIG);
    NovaHost nova;
    for (int i = 0; i < 5; ++i)
        nova.says(R"({"name": "version"})");
    SECTION("then there is")
    {
        nova.store.commit_faults = {fault};
        CHECK(nova.says(R"({"name": "version"})") == answered("9.8.7"));
        CHECK(nova.store.children("data/guest").size() == 1);
        CHECK(nova.store.troubles.empty());
    }
    SECTION("or still there is none: it is logged, and the request is not done for ever")
    {
        nova.store.every_commit = fault;
        const int before = nova.store.commits;
        nova.ask("x", R"({"name": "version"})");
        nova.store.turn();
        CHECK(nova.store.commits - before == 2);
        CHECK(nova.store.children("data/guest").empty());
        CHECK_FALSE(nova.waits("x"));
        REQUIRE(nova.store.troubles.size() == 1);
        CHECK(nova.store.troubles[0].starts_with("no answer to request x: "));
        nova.store.every_commit = 0;
        CHECK(nova.says(R"({"name": "version"})") == answered("9.8.7"));
    }
}

TEST_CASE("nova: what cannot be read or listed is told once, and tried again", "[nova]")
{
    NovaHost nova;
    (GENERATE(true, false) ? nova.store.every_list : nova.store.every_read) = EIO;
    nova.ask("x", R"({"name": "version"})");
    nova.store.turn();
    nova.timers.advance(60s);
    nova.store.turn();
    CHECK(nova.store.troubles == std::vector<std::string>{"Input/output error"});
    nova.store.every_list = nova.store.every_read = 0;
    nova.timers.advance(60s);
    nova.store.turn();
    CHECK(nova.answer("x") == answered("9.8.7"));
}

TEST_CASE("nova: our answers go after ten minutes, other people's nodes stay", "[nova]")
{
    NovaHost nova;
    nova.session.reset();
    nova.store.tree["data/guest/5f1b4c6e-0c3a-4f0e-9d7e-0123456789ab"] = "left by an agent before us";
    nova.store.tree["data/guest/mine"] = "not an answer";
    nova.start();
    nova.timers.advance(5min);
    nova.says(R"({"name": "version"})");
    CHECK(nova.store.children("data/guest").size() == 3);
    nova.timers.advance(5min);
    nova.store.turn();
    CHECK(nova.store.children("data/guest") == std::vector<std::string>{"mine", "request-1"});
    nova.timers.advance(5min);
    nova.store.turn();
    CHECK(nova.store.children("data/guest") == std::vector<std::string>{"mine"});
    CHECK(nova.timers.waiting() == 1);  // the look each minute
}

TEST_CASE("nova: features are the commands that there are", "[nova]")
{
    NovaHost nova;
    CHECK(nova.says(R"({"name": "features", "value": ""})") ==
          answered("features,file_inject,injectfile,keyinit,password,version"));
}
