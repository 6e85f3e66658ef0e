// SPDX-License-Identifier: Apache-2.0
// What each command makes of its value, what it asks of the guest, and what it answers.
#include "base/base64.hpp"
#include "base/json.hpp"
#include "crypto/cipher.hpp"
#include "crypto/key_exchange.hpp"
#include "nova/world.hpp"

#include <bellhop/op/inject_file.hpp>
#include <bellhop/op/register_rhn.hpp>
#include <bellhop/op/set_password.hpp>

using namespace bellhop;
using namespace bellhop::test;
using namespace std::chrono_literals;

namespace {

std::string base64_of(std::string_view text)
{
    std::string encoded;
    base64::encode(encoded, bytes_of(text));
    return encoded;
}

struct Guest : NovaHost {
    explicit Guest(const Config& c = {}) : NovaHost(c)
    {
        operations.on_ask = [this](const OperationInfo& info, void* request, void* then) -> Result<std::unique_ptr<Lease>> {
            asked.emplace_back(info.name);
            if (&info == &op::SetPassword::info) {
                auto& one = *static_cast<op::SetPassword::Request*>(request);
                words = one.user + ":" + std::string(one.password.view());
                later = [then = *static_cast<std::function<void(Result<op::SetPassword::Answer>)>*>(then), this] { then(set); };
            } else if (&info == &op::InjectFile::info) {
                auto& one = *static_cast<op::InjectFile::Request*>(request);
                words = one.path + "|" + one.data;
                later = [then = *static_cast<std::function<void(Result<op::InjectFile::Answer>)>*>(then), this] {
                    then(injected);
                };
            } else if (&info == &op::RegisterRhn::info) {
                auto& one = *static_cast<op::RegisterRhn::Request*>(request);
                words = std::string(one.activation_key.view()) + "|" + one.profile;
                for (const std::string& domain : one.domains)
                    words += "|" + domain;
                later = [then = *static_cast<std::function<void(Result<op::RegisterRhn::Answer>)>*>(then), this] {
                    then(op::RegisterRhn::Answer{status});
                };
            } else
                return Error{Error::Kind::not_found, {}, "no such own command"};
            return std::make_unique<Lease>();
        };
    }
    std::string gets(const std::string& name, const std::string& value)  // `value` is JSON
    {
        const std::string answer = says("{\"name\": \"" + name + "\", \"value\": " + value + "}");
        if (!later)
            return answer;
        CHECK(answer.empty());
        std::exchange(later, nullptr)();
        store.turn();
        return this->answer("request-" + std::to_string(requests()));
    }
    void exchange_keys(const std::string& quote = "\"")
    {
        const Result<crypto::KeyExchange> host = crypto::KeyExchange::make();
        const Result<json::Value> said = json::parse(gets("keyinit", quote + host->public_key() + quote));
        REQUIRE(said);
        CHECK(*(*said)["returncode"].string() == "D0");
        const Result<Secret> both = host->shared(*(*said)["message"].string());
        REQUIRE(both);
        key.emplace(both->view());
    }
    std::string sets(std::string_view password)
    {
        return gets("password", "\"" + base64_of(crypto::encrypt(*key, password)) + "\"");
    }
    std::size_t requests() const { return std::size_t(store.answered.size() + (later ? 1 : 0)); }

    std::vector<std::string> asked;
    std::string words;
    std::function<void()> later;
    std::optional<crypto::Key> key;
    Result<op::SetPassword::Answer> set = op::SetPassword::Answer{};
    Result<op::InjectFile::Answer> injected = op::InjectFile::Answer{};
    int status = 0;
};

const std::string no_key = answered("Password without key exchange", "500"),
                  not_base64 = answered("Couldn't decode base64 data", "500"),
                  bad_password = answered("Invalid password data received", "500");

}  // namespace

TEST_CASE("nova: a password is set by a key that both sides know, once", "[nova]")
{
    Guest guest;
    guest.exchange_keys(GENERATE(as<std::string>(), "\"", ""));
    CHECK(guest.sets("p\xc3\xa4ss:w rd\n\n") == answered(""));
    CHECK(guest.words == "root:p\xc3\xa4ss:w rd");
    CHECK(guest.sets("again") == no_key);
}

TEST_CASE("nova: a key outlives what goes wrong with a password", "[nova]")
{
    Guest guest;
    guest.exchange_keys();
    CHECK(guest.gets("password", "\"%\"") == not_base64);
    CHECK(guest.gets("password", "\"dGhpcyBpcyBhIHRlc3Q=\"") ==
          answered("The length of the provided data is not a multiple of the block length.", "500"));
    CHECK(guest.gets("password", "\"\"") == bad_password);
    CHECK(guest.gets("password", "\"" + base64_of(std::string(32, 'x')) + "\"") == bad_password);
    CHECK(guest.asked.empty());
    guest.set = op::SetPassword::Answer{7, "out err", "passwd: too short\n"};
    CHECK(guest.sets("x") == answered("Failed to change password for root: 7 : passwd: too short", "500"));
    guest.set = Error{Error::Kind::failed, {}, "no shadow"};
    CHECK(guest.sets("x") == answered("no shadow", "500"));
    guest.set = op::SetPassword::Answer{};
    CHECK(guest.sets("x") == answered(""));
}

TEST_CASE("nova: what is wrong with a password is said in the order of nova's agents", "[nova]")
{
    Guest guest;
    CHECK(guest.gets("password", "\"" + base64_of("this is a test") + "\"") == no_key);
    CHECK(guest.gets("password", "\"%\"") == not_base64);
    CHECK(guest.gets("password", "5") == not_base64);
    CHECK(guest.gets("password", "null") == not_base64);
    CHECK(guest.says(R"({"name": "password"})") == no_key);
    guest.exchange_keys();
    std::string wrapped = base64_of(crypto::encrypt(*guest.key, "0123456789abcdef0123456789abcdef\n"));
    wrapped.insert(30, "\\n");  // the tool of dom0 breaks lines
    CHECK(guest.gets("password", "\"" + wrapped + "\\n\"") == answered(""));
    CHECK(guest.words == "root:0123456789abcdef0123456789abcdef");
}

TEST_CASE("nova: a public key that hides nothing is refused, and no key is kept", "[nova]")
{
    Guest guest;
    for (const char* key : {"0", "1", "\"162259276829213363391578010288126\"", "162259276829213363391578010288127"})
        CHECK(guest.gets("keyinit", key) == answered("the public key is one that hides nothing", "500"));
    for (const char* key : {"\"x\"", "-7", "7.0", "null", "{}", "[5]", "\"\""})
        CHECK(guest.gets("keyinit", key) == answered("the public key is not a decimal number", "500"));
    CHECK(guest.gets("password", "\"\"") == no_key);
}

TEST_CASE("nova: a file is what stands behind the first comma", "[nova]")
{
    Guest guest;
    const std::string data("a,b\0\xff\n", 6);
    CHECK(guest.gets("injectfile", "\"" + base64_of("/etc/x," + data) + "\"") == answered(""));
    CHECK(guest.words == "/etc/x|" + data);
    CHECK(guest.gets("file_inject", R"({"b64_path": ")" + base64_of("/a,b") + R"(", "b64_file": ")" + base64_of(data) + "\"}") ==
          answered(""));
    CHECK(guest.words == "/a,b|" + data);
    CHECK(guest.gets("injectfile", "\"" + base64_of("/empty,") + "\"") == answered(""));
    CHECK(guest.words == "/empty|");
    guest.injected = Error{Error::Kind::busy, {}, "file systems are frozen"};
    CHECK(guest.gets("injectfile", "\"" + base64_of("/x,y") + "\"") == answered("file systems are frozen", "500"));
}

TEST_CASE("nova: a file that is no base64 is refused", "[nova]")
{
    Guest guest;
    const std::string wrong = answered("Error doing base64 decoding of data", "500");
    for (const char* value : {"\"%\"", "\"Unencoded data\"", "\"YWJ\"", "7", "null", "{}"})
        CHECK(guest.gets("injectfile", value) == wrong);
    for (const char* value : {"\"\"", "{}", R"({"b64_path": "YQ=="})", R"({"b64_path": "YQ==", "b64_file": 5})",
                              R"({"b64_path": "%", "b64_file": "YQ=="})", "[]"})
        CHECK(guest.gets("file_inject", value) == wrong);
    CHECK(guest.gets("injectfile", "\"" + base64_of("/no comma") + "\"") ==
          answered("There is no comma between path and data", "500"));
    CHECK(guest.asked.empty());
}

TEST_CASE("nova: kmsactivate is there where the configuration says so", "[nova]")
{
    const std::string value = R"({"activation_key": "k", "profile": "p", "domains": )";
    {
        Guest guest;
        CHECK(guest.gets("kmsactivate", value + "\"d\"}") == answered("No such agent command 'kmsactivate'", "404"));
        CHECK(guest.gets("features", "\"\"").find("kms") == std::string::npos);
    }
    Config config;
    config.nova.kmsactivate = true;
    Guest guest(config);
    CHECK(guest.gets("features", "\"\"").find(",kmsactivate,") != std::string::npos);
    CHECK(guest.gets("kmsactivate", value + "\"d\"}") == answered(""));
    CHECK(guest.words == "k|p|d");
    CHECK(guest.gets("kmsactivate", value + R"(["d", "e"]})") == answered(""));
    CHECK(guest.words == "k|p|d|e");
    guest.status = 256;
    CHECK(guest.gets("kmsactivate", value + "\"d\"}") == answered("Couldn't activate with RHN: 256", "500"));
    CHECK(guest.gets("kmsactivate", "{}") == answered("Missing activation_key or profile", "500"));
    CHECK(guest.gets("kmsactivate", "\"\"") == answered("Missing activation_key or profile", "500"));
}

TEST_CASE("nova: what policy blocks is no command", "[nova]")
{
    Guest guest;
    guest.operations.refuses = Error{Error::Kind::denied, {}, "no"};
    CHECK(guest.gets("keyinit", "\"5\"") == answered("No such agent command 'keyinit'", "404"));
    CHECK(guest.gets("injectfile", "\"\"") == answered("No such agent command 'injectfile'", "404"));
    CHECK(guest.gets("features", "\"\"") == answered("features,version"));
}

TEST_CASE("nova: while one request takes its time the next waits, and nothing is done twice", "[nova]")
{
    Guest guest;
    guest.ask("b", R"({"name": "injectfile", "value": ")" + base64_of("/x,y") + "\"}");
    guest.ask("a", R"({"name": "version"})");
    guest.store.turn();
    guest.store.fire("data/host/b");
    guest.timers.advance(60s);
    guest.store.turn();
    CHECK(guest.store.answered.empty());
    CHECK_FALSE(guest.session->idle());
    guest.later();
    guest.store.turn();
    CHECK(guest.store.answered == std::vector<std::string>{"data/guest/b", "data/guest/a"});
    CHECK(guest.asked == std::vector<std::string>{"inject_file"});
    CHECK(guest.session->idle());
}

TEST_CASE("nova: a guest of another provider is not served, where that is asked for", "[nova]")
{
    Config config;
    config.nova.provider = "Rackspace";
    NovaHost nova(config);
    nova.ask("x", R"({"name": "version"})");
    nova.store.turn();
    CHECK(nova.waits("x"));
    CHECK(nova.store.troubles.size() == 1);
    nova.store.tree["vm-data/provider_data/provider"] = "Rackspaces";
    nova.timers.advance(60s);
    nova.store.turn();
    CHECK(nova.waits("x"));
    nova.store.tree["vm-data/provider_data/provider"] = "rackSPACE";
    nova.timers.advance(60s);
    nova.store.turn();
    CHECK(nova.answer("x") == answered("9.8.7"));
}
