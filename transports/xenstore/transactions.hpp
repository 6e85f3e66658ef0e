// SPDX-License-Identifier: Apache-2.0
// The transactions of one connection, one at a time: a guest has ten in all, the kernel's own among them, and our own must not be
// in each other's way. One whose commit finds that somebody was faster (EAGAIN) begins again with its body, as often as it takes,
// with a turn of the loop at least between two of them.
#pragma once
#include "transports/xenstore/connection.hpp"

#include <bellhop/store.hpp>

#include <functional>
#include <list>

namespace bellhop::transports {

class XenTransactions {
public:
    using Body = std::function<void(std::shared_ptr<Store::Transaction>)>;
    using Done = std::function<void(Status)>;
    // Of one that is left open. It would have us told EAGAIN for ever, and on old kernels keep a guest from suspending.
    static constexpr std::chrono::seconds patience{10};

    XenTransactions(XenConnection& connection, Timers& timers, std::string base)
        : connection_(connection), timers_(timers), base_(std::move(base))
    {
    }
    ~XenTransactions();
    void add(Body, Done);
    void on_lost(const Error&);

private:
    class Open;
    enum class End { none, commit, abort };
    struct Asked {
        Body body;
        Done done;
    };
    void begin();
    void on_begun(Result<std::string_view>);
    void read(const std::string& path, std::function<void(Result<std::string>)>);
    void on_read(const std::function<void(Result<std::string>)>&, Result<std::string_view>);
    void change(xenstore::Type, const std::string& path, std::string_view value);
    void on_changed(Result<std::string_view>);
    void on_end_asked(End);
    void on_patience();
    void close(End);
    void maybe_wait();
    void maybe_end();
    void on_ended(Result<std::string_view>);
    void finish(Status);

    XenConnection& connection_;
    Timers& timers_;
    const std::string base_;
    std::list<Asked> asked_;  // the first is the one that runs
    bool running_ = false;
    Open* open_ = nullptr;  // what its body has of it
    std::uint32_t id_ = 0;
    std::size_t unanswered_ = 0;
    End end_ = End::none;
    bool ending_ = false, again_ = false;
    std::optional<Error> error_;  // the first that a write met
    std::unique_ptr<Timer> patience_;
};

}  // namespace bellhop::transports
