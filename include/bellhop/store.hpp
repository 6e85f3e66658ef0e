// SPDX-License-Identifier: Apache-2.0
// A tree of small values with watches (XenStore). Answers come by callback, in order, never from inside the call. Paths are
// relative to the guest's own. What a session sees is its own view: when the session dies, its answers and watches die with it.
#pragma once
#include <bellhop/result.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bellhop {

class Store {
public:
    class Transaction {  // its body is run again when the store asks for it (EAGAIN): no side effects in it
    public:
        virtual ~Transaction() = default;
        virtual void read(std::string path, std::function<void(Result<std::string>)>) = 0;
        virtual void write(std::string path, std::string value) = 0;
        virtual void remove(std::string path) = 0;
        virtual void commit() = 0;
        virtual void abort() = 0;  // nothing happened; the callback is called all the same
    };
    class Watch {  // dropping it ends it
    public:
        virtual ~Watch() = default;
    };

    virtual ~Store() = default;
    virtual void read(std::string path, std::function<void(Result<std::string>)>) = 0;
    virtual void list(std::string path, std::function<void(Result<std::vector<std::string>>)>) = 0;
    virtual void write(std::string path, std::string value, std::function<void(Status)>) = 0;
    virtual void remove(std::string path, std::function<void(Status)>) = 0;
    virtual void make(std::string path, std::function<void(Status)>) = 0;  // an empty node, if there is none
    virtual void transaction(std::function<void(std::shared_ptr<Transaction>)> body, std::function<void(Status)>) = 0;
    // Fires at once, and once more after a restart of the daemon: look, do not assume.
    [[nodiscard]] virtual std::unique_ptr<Watch> watch(std::string path, std::function<void(std::string_view changed)>) = 0;
    virtual void on_trouble(const Error&) {}  // what a session can tell nobody at the other end: for the agent's log
};

class StoreSession {  // everything it does follows from its watches
public:
    virtual ~StoreSession() = default;
    // Has nothing begun that the end of the agent would cut short? One that is to end waits for it, as long as it does for links.
    virtual bool idle() const { return false; }
};

}  // namespace bellhop
