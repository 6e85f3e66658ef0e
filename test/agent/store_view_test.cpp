// SPDX-License-Identifier: Apache-2.0
// That a dialect over a store fits the contracts: nova's way of asking (a request appears under data/host, its answer goes to
// data/guest), over a store that is a map.
#include "agent/store_view.hpp"
#include "support/catch.hpp"
#include "support/fakes.hpp"

#include <bellhop/dialect.hpp>

#include <algorithm>

using namespace bellhop;
using namespace bellhop::test;

namespace {

class MapStore final : public Store {
public:
    std::map<std::string, std::string> tree;
    void turn()  // answers never come from inside a call
    {
        while (!later_.empty())
            for (const auto& call : std::exchange(later_, {}))
                call();
    }
    void read(std::string path, std::function<void(Result<std::string>)> answer) override
    {
        later_.push_back([this, path, answer] {
            const auto at = tree.find(path);
            answer(at == tree.end() ? Result<std::string>(Error{Error::Kind::not_found, {}, path})
                                    : Result<std::string>(at->second));
        });
    }
    void list(std::string path, std::function<void(Result<std::vector<std::string>>)> answer) override
    {
        later_.push_back([this, path, answer] {
            std::vector<std::string> names;
            for (const auto& [name, value] : tree)
                if (name.starts_with(path + "/"))
                    names.push_back(name.substr(path.size() + 1));
            answer(std::move(names));
        });
    }
    void write(std::string path, std::string value, std::function<void(Status)> answer) override
    {
        tree[path] = value;
        for (Watcher* watcher : watchers_)
            if (path.starts_with(watcher->path))
                fire(*watcher, path);
        later_.push_back([answer] { answer(done()); });
    }
    void remove(std::string path, std::function<void(Status)> answer) override
    {
        tree.erase(path);
        later_.push_back([answer] { answer(done()); });
    }
    void make(std::string path, std::function<void(Status)> answer) override
    {
        tree.try_emplace(path);
        later_.push_back([answer] { answer(done()); });
    }
    void transaction(std::function<void(std::shared_ptr<Transaction>)>, std::function<void(Status)> answer) override
    {
        later_.push_back([answer] { answer(Error{Error::Kind::unsupported, {}, "no transactions here"}); });
    }
    std::unique_ptr<Watch> watch(std::string path, std::function<void(std::string_view)> changed) override
    {
        auto watcher = std::make_unique<Watcher>(*this, std::move(path), std::move(changed));
        fire(*watcher, watcher->path);
        return watcher;
    }

private:
    struct Watcher final : Watch {
        Watcher(MapStore& s, std::string p, std::function<void(std::string_view)> c)
            : store(s), path(std::move(p)), changed(std::move(c))
        {
            store.watchers_.push_back(this);
        }
        ~Watcher() override { std::erase(store.watchers_, this); }
        MapStore& store;
        std::string path;
        std::function<void(std::string_view)> changed;
    };
    void fire(Watcher& watcher, const std::string& path)
    {
        later_.push_back([this, &watcher, path] {
            if (std::find(watchers_.begin(), watchers_.end(), &watcher) != watchers_.end())
                watcher.changed(path);
        });
    }
    std::vector<std::function<void()>> later_;
    std::vector<Watcher*> watchers_;
};

class NovaLite final : public StoreSession {
public:
    explicit NovaLite(Store& store) : store_(store), watch_(store.watch("data/host", std::bind_front(&NovaLite::on_change, this)))
    {
    }

private:
    void on_change(std::string_view) { store_.list("data/host", std::bind_front(&NovaLite::on_list, this)); }
    void on_list(Result<std::vector<std::string>> names)
    {
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
    MapStore store;
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
    MapStore store;
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
    MapStore store;
    StoreView view(store, world.barrier);
    store.tree["x"] = "1";

    view.read("x", [](auto) { throw std::runtime_error("bug"); });
    store.turn();

    CHECK(world.barrier.bugs == 1);
}
