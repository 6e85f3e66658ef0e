// SPDX-License-Identifier: Apache-2.0
// One store, served: its requests one at a time, in the order in which they came.
//
// What counts is how often we wait for the store. A request that a watch names is read at once, and listed afterwards, as what is
// missed is found by listing only. The transaction for its answer is begun with that read: nearly all answers are there before
// it.
//
// An answer is written and its request removed in one transaction, which first reads the request once more: a host that has given
// up has deleted it, and gets no answer. (To remove it does not tell: XenStore removes what is not there, too.)
#pragma once
#include "dialect/nova/command.hpp"
#include "dialect/nova/old_answers.hpp"
#include "dialect/nova/requests.hpp"

#include <bellhop/store.hpp>

#include <chrono>
#include <memory>

namespace bellhop::nova {

class Session final : public StoreSession {
public:
    static constexpr std::chrono::seconds look_again{60};  // a watch is a hint, and a hint may be lost

    Session(const std::string& version, const Config&, Store&, const Context&);
    void answer(std::string_view message, std::string_view code);  // the running request; its Call is gone then
    bool idle() const override { return !ending_; }

private:
    struct Ending;  // of a request
    struct Kept {   // an answer that did not get there, or we cannot tell: what it answers is not to be done again
        std::string name, text;
        std::size_t asked;  // a hash: a host may ask something else by the same name
    };
    void make_folder();
    void on_change(std::string_view changed);
    void on_time();
    void wait();
    void look();
    void on_provider(const Result<std::string>& name);
    void on_listed(const Result<std::vector<std::string>>& names);
    void maybe_begin();
    void begin_request();
    void on_request(Result<std::string> text);
    void answered(std::string text);
    void write_answer();
    void on_written(const std::shared_ptr<Ending>&, const Status& status);
    const std::string* kept() const;  // the running request's answer, if there is one
    bool forget(const std::string& name);
    void give_up(const Error& why);
    void end_request();
    void trouble(const Error& error);
    Store& store_;
    const Context& context_;
    State state_;
    Requests requests_;
    OldAnswers old_answers_;
    bool listing_ = false, changed_ = false, unlisted_ = false, progress_ = false;
    std::unique_ptr<Call> call_;
    std::shared_ptr<Ending> ending_;
    std::vector<Kept> kept_;
    std::string last_trouble_;
    std::unique_ptr<Timer> timer_;
    std::unique_ptr<Store::Watch> watch_;
};

}  // namespace bellhop::nova
