// SPDX-License-Identifier: Apache-2.0
// One session's view of a Store that it may share with others. Answers and watches come through the session's barrier, and stop
// when the view is destroyed: a session binds its own members and need not count what it still waits for.
#pragma once
#include <bellhop/barrier.hpp>
#include <bellhop/store.hpp>

namespace bellhop {

class StoreView final : public Store {
public:
    // first_event: once, when the first watch has fired.
    StoreView(Store& store, Barrier& barrier, std::function<void(const Error&)> trouble = {},
              std::function<void()> first_event = {})
        : store_(store), barrier_(std::make_shared<Barrier*>(&barrier)), trouble_(std::move(trouble)),
          first_event_(std::move(first_event))
    {
    }
    ~StoreView() override { *barrier_ = nullptr; }

    void read(std::string path, std::function<void(Result<std::string>)> answer) override
    {
        store_.read(std::move(path), guarded(std::move(answer)));
    }
    void list(std::string path, std::function<void(Result<std::vector<std::string>>)> answer) override
    {
        store_.list(std::move(path), guarded(std::move(answer)));
    }
    void write(std::string path, std::string value, std::function<void(Status)> answer) override
    {
        store_.write(std::move(path), std::move(value), guarded(std::move(answer)));
    }
    void remove(std::string path, std::function<void(Status)> answer) override
    {
        store_.remove(std::move(path), guarded(std::move(answer)));
    }
    void make(std::string path, std::function<void(Status)> answer) override
    {
        store_.make(std::move(path), guarded(std::move(answer)));
    }
    void transaction(std::function<void(std::shared_ptr<Transaction>)> body, std::function<void(Status)> answer) override
    {
        store_.transaction(guarded(std::move(body)), guarded(std::move(answer)));
    }
    std::unique_ptr<Watch> watch(std::string path, std::function<void(std::string_view)> changed) override
    {
        return store_.watch(std::move(path), guarded(std::function<void(std::string_view)>(
                                                 [this, changed = std::move(changed)](std::string_view path_changed) {
                                                     if (const auto first = std::exchange(first_event_, nullptr))
                                                         first();
                                                     changed(path_changed);
                                                 })));
    }
    void on_trouble(const Error& error) override
    {
        if (trouble_)
            trouble_(error);
    }

private:
    template <class Argument> std::function<void(Argument)> guarded(std::function<void(Argument)> call)
    {
        return [barrier = barrier_, call = std::move(call)](Argument argument) {
            if (*barrier)
                (*barrier)->enter(call, std::move(argument));
        };
    }

    Store& store_;
    std::shared_ptr<Barrier*> barrier_;  // null: nobody is left to hear
    std::function<void(const Error&)> trouble_;
    std::function<void()> first_event_;
};

}  // namespace bellhop
