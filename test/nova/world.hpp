// SPDX-License-Identifier: Apache-2.0
// A nova session, its store and its host.
#pragma once
#include "dialect/nova/nova.hpp"
#include "support/fake_store.hpp"
#include "support/fakes.hpp"

namespace bellhop::test {

struct NovaHost : World {
    FakeStore store;
    Config config;
    std::unique_ptr<Dialect> dialect;
    std::unique_ptr<StoreSession> session;

    explicit NovaHost(const Config& c = {}) : config(c), dialect(nova::make_dialect("9.8.7", config)) { start(); }
    void start()
    {
        session = dialect->open(store, context);
        store.turn();
    }
    void ask(const std::string& name, std::string request) { store.host_writes("data/host/" + name, std::move(request)); }
    std::string answer(const std::string& name)  // "": there is none
    {
        const auto at = store.tree.find("data/guest/" + name);
        return at == store.tree.end() ? "" : at->second;
    }
    std::string says(const std::string& request)  // and gets
    {
        const std::string name = "request-" + std::to_string(++count_);
        ask(name, request);
        store.turn();
        return answer(name);
    }
    bool waits(const std::string& name) const { return store.tree.count("data/host/" + name) > 0; }

private:
    int count_ = 0;
};

inline std::string answered(const std::string& message, const std::string& code = "0")
{
    return "{\"message\": \"" + message + "\", \"returncode\": \"" + code + "\"}";
}

}  // namespace bellhop::test
