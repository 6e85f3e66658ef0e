// SPDX-License-Identifier: Apache-2.0
// A xenstored that the test plays, message by message, at the other end of a socketpair: as a socket, and as the kernel's device.
#pragma once
#include "io/fd_link.hpp"
#include "support/fakes.hpp"
#include "support/loop.hpp"
#include "transports/xenstore/store.hpp"

#include <sys/socket.h>

namespace bellhop::test {

using namespace transports;
using namespace std::string_literals;
using xenstore::Header;
using xenstore::Type;
using Manner = XenConnection::Manner;

class TestLink final : public io::FdLink {
public:
    TestLink(Fd end, int& fault, int& writes) : FdLink(std::move(end)), fault_(fault), writes_(writes) {}
    std::size_t write(ByteView bytes, More more, std::error_code& ec) override
    {
        ++writes_;
        if (const int fault = std::exchange(fault_, 0)) {
            ec.assign(fault, std::system_category());
            return 0;
        }
        return FdLink::write(bytes, more, ec);
    }

private:
    int &fault_, &writes_;
};

struct Request : Header {
    std::string payload;
};

struct FakeXenstored : XenStore::Owner {
    asio::io_context io{ASIO_CONCURRENCY_HINT_UNSAFE};
    FakeTimers timers;
    Manner manner;
    Fd end;
    int link_end = -1;  // the store's
    xenstore::Reader reader;
    std::string unread;
    int fault = 0, writes = 0, opened = 0, refuse = 0;  // fault: of the next write; refuse: as many openings
    std::vector<std::string> troubles;
    std::unique_ptr<XenStore> store;

    explicit FakeXenstored(Manner m = Manner::socket, std::string base = {}) : manner(m)
    {
        ::signal(SIGPIPE, SIG_IGN);
        store = std::make_unique<XenStore>(io, timers, std::bind_front(&FakeXenstored::open, this), std::move(base),
                                           std::move(*open()));
        store->set_owner(this);
    }
    Result<XenStore::Opened> open()
    {
        if (refuse > 0 && refuse--)
            return Error{Error::Kind::failed, {}, "no daemon"};
        ++opened;
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        end = Fd(ends[0]);
        reader = {};
        unread.clear();
        link_end = ends[1];
        return XenStore::Opened{std::make_unique<TestLink>(Fd(ends[1]), fault, writes), manner};
    }
    void on_store_trouble(const Error& error) override { troubles.push_back(error.text); }
    void on_store_end() noexcept override {}

    void turn()  // until there is nothing more to do at once
    {
        io.restart();
        while (io.poll() > 0)
            ;
    }
    bool silent()
    {
        turn();
        char byte;
        return unread.empty() && ::recv(end.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
    }
    Request hears(Type type, std::string_view payload)
    {
        turn();
        char chunk[8192];
        if (const ssize_t n = ::read(end.get(), chunk, sizeof chunk); n > 0)
            unread.append(chunk, std::size_t(n));
        ByteView input = bytes_of(unread);
        const auto message = reader.next(input);
        REQUIRE(message);
        REQUIRE(*message);
        const Request got{**message, std::string((**message).payload)};
        unread.erase(0, unread.size() - input.size());
        INFO("type " << unsigned(got.type) << " payload " << got.payload);
        CHECK(got.type == type);
        CHECK(got.payload == payload);
        return got;
    }
    void says(const Header& header, std::string_view payload)
    {
        const std::string bytes = *xenstore::message(header, {}, payload);
        REQUIRE(::write(end.get(), bytes.data(), bytes.size()) == ssize_t(bytes.size()));
    }
    void answers(const Request& request, std::string_view payload)
    {
        says(request, payload);
        turn();
    }
    void refuses(Request request, std::string_view name)
    {
        request.type = Type::error;
        answers(request, std::string(name) + "\0"s);
    }
    void fires(std::string_view path, std::string_view token, std::uint32_t number = 0)
    {
        says({Type::watch_event, number, 0}, std::string(path) + "\0"s + std::string(token) + "\0"s);
        turn();
    }
    void goes()
    {
        end = Fd();
        turn();
    }
    void ok(Type type, std::string_view payload) { answers(hears(type, payload), "OK\0"s); }
};

struct Said {  // what the asker was told
    std::vector<std::string> all;
    std::function<void(Result<std::string>)> value()
    {
        return [this](Result<std::string> answer) { all.push_back(answer ? *answer : text(answer.error())); };
    }
    std::function<void(Status)> status()
    {
        return [this](Status answer) { all.push_back(answer ? "done" : text(answer.error())); };
    }
    std::function<void(Result<std::vector<std::string>>)> list()
    {
        return [this](Result<std::vector<std::string>> answer) {
            std::string names;
            for (const std::string& name : answer ? *answer : std::vector<std::string>())
                names += (names.empty() ? "" : " ") + name;
            all.push_back(answer ? names : text(answer.error()));
        };
    }
    std::function<void(std::string_view)> event()
    {
        return [this](std::string_view path) { all.emplace_back(path); };
    }
    static std::string text(const Error& error) { return "errno " + std::to_string(error.os.value()); }
};

using All = std::vector<std::string>;
inline std::string failed(int code)
{
    return "errno " + std::to_string(code);
}

}  // namespace bellhop::test
