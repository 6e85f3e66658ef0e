// SPDX-License-Identifier: Apache-2.0
// That a dialect over a store fits the contracts: nova's way of asking (a request appears under data/host, its answer goes to
// data/guest), over a store that is a map.
#include "agent/store_view.hpp"
#include "support/catch.hpp"
#include "support/fake_store.hpp"
#include "support/fakes.hpp"

#include <bellhop/dialect.hpp>

using namespace bellhop;
using namespace bellhop::test;

namespace {

class NovaLite final : public StoreSession {
public:
    explicit NovaLite(Store& store) : store_(store), watch_(store.watch("data/host", std::bind_front(&NovaLite::on_change, this)))
    {
    }

private:
    void on_change(std::string_view) { store_.list("data/host", std::bind_front(&NovaLite::on_list, this)); }
    void on_list(Result<std::vector<std::string>> names)
    {
        if (!names)
            return;  // no folder: no request
        for (const std::string& name : *names)
            store_.read("data/host/" + name, std::bind_front(&NovaLite::on_request, this, name));
    }
    void on_request(const std::string& name, Result<std::string> request)
    {
        if (!request)
            return;  // gone already: another watch of the same change was first
        store_.remove("data/host/" + name, std::bind_front(&NovaLite::on_done, this));
        store_.write("data/guest/" + name, "did " + *request, std::bind_front(&NovaLite::on_done, this));
    }
    void on_done(Status) {}

    Store& store_;
    std::unique_ptr<Store::Watch> watch_;
};

class NovaDialect final : public Dialect {
    std::unique_ptr<StoreSession> open(Store& store, const Context&) override { return std::make_unique<NovaLite>(store); }
};

}  // namespace

TEST_CASE("store: a request that appears is answered, one that was there before too", "[store]")
{
    World world;
    FakeStore store;
    NovaDialect nova;
    Dialect& dialect = nova;
    store.tree["data/host/1"] = "version";

    auto view = std::make_unique<StoreView>(store, world.barrier);
    std::unique_ptr<StoreSession> session = dialect.open(*view, world.context);
    store.turn();
    CHECK(store.tree == std::map<std::string, std::string>{{"data/guest/1", "did version"}});
    CHECK(dialect.open(world.outbox, world.context) == nullptr);

    store.write("data/host/2", "reset", [](Status) {});
    store.turn();
    CHECK(store.tree["data/guest/2"] == "did reset");
}

TEST_CASE("store: what is still on its way when a session dies reaches nobody", "[store]")
{
    World world;
    FakeStore store;
    auto view = std::make_unique<StoreView>(store, world.barrier);
    auto session = std::make_unique<NovaLite>(*view);
    store.tree["data/host/1"] = "late";
    view->list("data/host", [](auto) { FAIL("told to the dead"); });

    session.reset();
    view.reset();
    store.turn();

    CHECK(store.tree.count("data/guest/1") == 0);
}

TEST_CASE("store: an exception out of a session stops at its barrier", "[store]")
{
    World world;
    FakeStore store;
    StoreView view(store, world.barrier);
    store.tree["x"] = "1";

    view.read("x", [](auto) { throw std::runtime_error("bug"); });
    store.turn();

    CHECK(world.barrier.bugs == 1);
}

TEST_CASE("store: what a session cannot tell its peer goes to the view's owner", "[store]")
{
    World world;
    FakeStore store;
    std::string told;
    StoreView view(store, world.barrier, [&told](const Error& error) { told = error.text; });

    view.on_trouble({Error::Kind::failed, {}, "no room"});

    CHECK(told == "no room");
}
