// SPDX-License-Identifier: Apache-2.0
// Requests whose answers do not get where they should: they take their time, get lost with the daemon, or are refused.
#include "nova/world.hpp"

#include <bellhop/op/inject_file.hpp>

using namespace bellhop;
using namespace bellhop::test;
using namespace std::chrono_literals;

namespace {

const std::string request = R"({"name": "injectfile", "value": "L3gseQ=="})",
                  another = R"({"name": "injectfile", "value": "L3gseg=="})";

struct Guest : NovaHost {  // writes files, and counts them
    Guest()
    {
        operations.on_ask = [this](const OperationInfo& info, void*, void* then) -> Result<std::unique_ptr<Lease>> {
            REQUIRE(&info == &op::InjectFile::info);
            ++files;
            written = [then = *static_cast<std::function<void(Result<op::InjectFile::Answer>)>*>(then)] {
                then(op::InjectFile::Answer{});
            };
            return std::make_unique<Lease>();
        };
    }
    void does(const std::string& name, const std::string& what)
    {
        ask(name, what);
        store.turn();
        REQUIRE(written);
        std::exchange(written, nullptr)();
        store.turn();
    }
    void store_is_away(bool away) { store.every_list = store.every_remove = away ? ENOTCONN : 0; }
    void looks()
    {
        timers.advance(60s);
        store.turn();
    }
    int files = 0;
    std::function<void()> written;
};

}  // namespace

TEST_CASE("nova: a command that takes its time keeps no transaction open", "[nova]")
{
    Guest guest;
    guest.store.heard.clear();
    guest.ask("x", request);
    guest.store.turn();
    CHECK(guest.store.heard == std::vector<std::string>{"read data/host/x", "begin", "abort"});
    guest.written();
    guest.store.turn();
    CHECK(guest.answer("x") == answered(""));
}

TEST_CASE("nova: an answer that arrived, but of which we did not hear, is not made again", "[nova]")
{
    Guest guest;
    guest.store.lost_commits = {ECONNRESET};
    guest.store_is_away(true);
    guest.does("x", request);
    guest.store_is_away(false);
    guest.store.fire("data/host");  // it is back
    guest.store.turn();
    CHECK(guest.files == 1);
    CHECK(guest.answer("x") == answered(""));
    CHECK(guest.store.answered.size() == 1);
    guest.timers.advance(10min);
    guest.store.turn();
    CHECK(guest.store.children("data/guest").empty());
}

TEST_CASE("nova: an answer that a daemon lost is written when it is back, and its command not run again", "[nova]")
{
    Guest guest;
    guest.store.commit_faults = {ECONNRESET};
    guest.store_is_away(true);
    guest.does("x", request);
    CHECK(guest.waits("x"));
    guest.store_is_away(false);

    SECTION("to the same request")
    {
        guest.store.fire("data/host");
        guest.store.turn();
        CHECK(guest.files == 1);
        CHECK(guest.answer("x") == answered(""));
        CHECK_FALSE(guest.waits("x"));
    }
    SECTION("but not to another one by its name")
    {
        guest.does("x", another);
        CHECK(guest.files == 2);
        CHECK(guest.answer("x") == answered(""));
    }
    SECTION("nor to the same words in a new request")
    {
        guest.store.host_removes("data/host/x");
        guest.store.turn();
        guest.does("x", request);
        CHECK(guest.files == 2);
    }
}

TEST_CASE("nova: a request that can be neither answered nor removed is done once, and answered when it can be", "[nova]")
{
    Guest guest;
    guest.store.every_commit = guest.store.every_remove = EIO;
    guest.does("x", request);
    guest.looks();
    guest.looks();
    CHECK(guest.waits("x"));
    CHECK(guest.store.troubles == std::vector<std::string>{"no answer yet to request x: Input/output error"});
    guest.store.every_commit = guest.store.every_remove = 0;
    guest.looks();
    CHECK(guest.files == 1);
    CHECK(guest.answer("x") == answered(""));
}
