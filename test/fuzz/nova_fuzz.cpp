// SPDX-License-Identifier: Apache-2.0
// What hosts and stores may do to nova: requests of any text that come, go and change, events that say nothing, answers that find
// no room or get lost, time. The first byte says how the guest is; each line then is one thing that happens. Whatever it was, in
// the end no request is left, none was done twice, and each answer is one that hosts understand.
#include "base/json.hpp"
#include "nova/world.hpp"

#include <bellhop/op/inject_file.hpp>
#include <bellhop/op/register_rhn.hpp>
#include <bellhop/op/set_password.hpp>

using namespace bellhop;
using namespace bellhop::test;

namespace {

Config config_of(std::uint8_t kind)
{
    Config config;
    config.nova.kmsactivate = kind & 1;
    config.nova.provider = kind & 2 ? "rackspace" : "";
    return config;
}

struct Guest : NovaHost {
    explicit Guest(std::uint8_t kind) : NovaHost(config_of(kind))
    {
        store.events_first = kind & 4;
        store.most_answers = kind & 8 ? 3 : std::size_t(-1);
        store.tree["vm-data/provider_data/provider"] = "Rackspace";
        operations.on_ask = std::bind_front(&Guest::begin, this);
    }
    void happens(std::string_view line)
    {
        const char what = line.empty() ? 't' : line[0];
        const std::uint8_t which = line.size() < 2 ? 0 : std::uint8_t(line[1]);
        const std::string name(1, char('a' + which % 8)), rest(line.substr(std::min<std::size_t>(line.size(), 2)));
        constexpr int faults[] = {0, EAGAIN, ENOSPC, EIO, E2BIG, ECONNRESET};
        const int fault = faults[which % std::size(faults)];
        switch (what) {
        case 'w':
            ++written[name];
            return ask(name, rest);
        case 'd':
            return store.host_removes("data/host/" + name);
        case 'e':
            return store.fire("data/host" + std::string(line.substr(1)));
        case 's':
            return timers.advance(std::chrono::seconds(which));
        case 'c':
            return store.commit_faults.push_back(fault);
        case 'l':
            return store.lost_commits.push_back(fault == EAGAIN ? EIO : fault);
        case 'f':
            store.every_read = rest.starts_with('r') ? fault : 0;
            store.every_list = rest.starts_with('l') ? fault : 0;
            store.every_remove = rest.starts_with('d') ? fault : 0;
            return;
        case 'o':
            return ends();
        default:
            store.turn();
        }
    }
    void calms_down()
    {
        store.every_read = store.every_list = store.every_remove = 0;
        store.commit_faults.clear();
        for (int i = 0; i < 200 && !(store.children("data/host").empty() && session->idle()); ++i) {
            timers.advance(std::chrono::seconds(61));
            store.turn();
            ends();
            store.turn();
        }
        REQUIRE(store.children("data/host").empty());
        REQUIRE(session->idle());
    }
    void check()
    {
        int all = 0;
        for (const auto& [name, times] : written) {
            all += times;
            REQUIRE(std::count(store.answered.begin(), store.answered.end(), "data/guest/" + name) <= times);
        }
        REQUIRE(begun <= all);
        for (const std::string& name : store.children("data/guest")) {
            const std::string text = answer(name);
            const Result<json::Value> parsed = json::parse(text);
            REQUIRE(parsed && text.size() <= 2015);
            REQUIRE((*parsed)["message"].string() && (*parsed)["returncode"].string());
        }
    }

private:
    struct Running final : Lease {
        explicit Running(std::function<void()>& l) : later(l) {}
        ~Running() override { later = nullptr; }
        std::function<void()>& later;
    };
    template <class Op> void will_say(void* then, typename Op::Answer answer)
    {
        later = [then = *static_cast<std::function<void(Result<typename Op::Answer>)>*>(then), answer] { then(answer); };
    }
    Result<std::unique_ptr<Lease>> begin(const OperationInfo& info, void* request, void* then)
    {
        ++begun;
        if (&info == &op::SetPassword::info) {
            const auto& password = static_cast<op::SetPassword::Request*>(request)->password;
            will_say<op::SetPassword>(then, {int(password.view().size() % 2), "", std::string(password.view())});
        } else if (&info == &op::InjectFile::info)
            will_say<op::InjectFile>(then, {});
        else if (&info == &op::RegisterRhn::info)
            will_say<op::RegisterRhn>(then, {int(static_cast<op::RegisterRhn::Request*>(request)->domains.size())});
        else {
            const auto& own = *static_cast<op::OwnCommand::Request*>(request);
            if (own.name.size() % 2)
                return Error{Error::Kind::not_found, {}, "no such own command"};
            will_say<op::OwnCommand>(then, {int(own.argument.size() % 3), own.argument, false, own.name});
        }
        return std::make_unique<Running>(later);
    }
    void ends()
    {
        if (const auto call = std::exchange(later, nullptr))
            call();
    }

    std::map<std::string, int> written;
    int begun = 0;
    std::function<void()> later;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    Guest guest(data[0]);
    std::string_view script(reinterpret_cast<const char*>(data) + 1, size - 1);
    while (!script.empty()) {
        const std::size_t end = std::min(script.find('\n'), script.size());
        guest.happens(script.substr(0, end));
        script.remove_prefix(std::min(end + 1, script.size()));
    }
    guest.calms_down();
    guest.check();
    return 0;
}
