// SPDX-License-Identifier: Apache-2.0
// A Store over a connection to a xenstored that may be lost and found again: whoever waits for an answer then hears of it,
// watches are made once more and so fire once more.
#pragma once
#include "transports/xenstore/connection.hpp"
#include "transports/xenstore/transactions.hpp"

#include <bellhop/store.hpp>

#include <list>
#include <memory>
#include <optional>
#include <string>

namespace bellhop::transports {

class XenStore final : public Store, private XenConnection::Owner {
public:
    struct Opened {
        std::unique_ptr<ByteLink> link;
        XenConnection::Manner manner;
    };
    using Open = std::function<Result<Opened>()>;
    class Owner {
    public:
        virtual void on_store_trouble(const Error&) = 0;
        virtual void on_store_end() noexcept = 0;  // from the store's destructor
    protected:
        ~Owner() = default;
    };
    static constexpr std::chrono::milliseconds first_rest{100}, longest_rest{10'000};  // before it is opened again; doubled
    static constexpr std::chrono::seconds lasting{1};                                  // watches stood so long: all was well
    static constexpr std::chrono::seconds watch_rest{10};                              // before a watch refused is tried again

    XenStore(asio::io_context&, Timers&, Open, std::string base, Opened);
    ~XenStore() override;
    void set_owner(Owner* owner) { owner_ = owner; }  // or nullptr: it has gone

    void read(std::string path, std::function<void(Result<std::string>)>) override;
    void list(std::string path, std::function<void(Result<std::vector<std::string>>)>) override;
    void write(std::string path, std::string value, std::function<void(Status)>) override;
    void remove(std::string path, std::function<void(Status)>) override;
    void make(std::string path, std::function<void(Status)>) override;
    void transaction(std::function<void(std::shared_ptr<Transaction>)> body, std::function<void(Status)>) override;
    std::unique_ptr<Watch> watch(std::string path, std::function<void(std::string_view)> changed) override;

private:
    class Handle;
    struct Watched {
        std::string path, token;
        std::function<void(std::string_view)> changed;
        Handle* handle;         // null: it was dropped
        bool standing = false;  // the daemon has taken it, or is asked to
    };
    struct Listing;
    void list_parts(std::shared_ptr<Listing>);
    void on_part(const std::shared_ptr<Listing>&, Result<std::string_view>);
    void on_dropped(Watched&);
    void register_watches();
    void on_watched(const std::string& token, Result<std::string_view>);
    void on_event(const xenstore::Event&) override;
    void on_lost(const Error&) override;
    void open_again();
    void tell(const Error&);

    Timers& timers_;
    Open open_;
    const std::string base_;
    Owner* owner_ = nullptr;
    XenConnection connection_;
    XenTransactions transactions_;
    std::list<Watched> watches_;
    unsigned long last_token_ = 0;
    const Watched* firing_ = nullptr;
    std::chrono::milliseconds rest_ = first_rest;
    std::optional<std::chrono::steady_clock::time_point> stood_;  // since when watches do
    std::unique_ptr<Timer> again_;                                // to open it, or to make watches
    std::string said_;                                            // the last trouble: once is enough
};

}  // namespace bellhop::transports
