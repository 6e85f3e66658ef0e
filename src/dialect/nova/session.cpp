// SPDX-License-Identifier: Apache-2.0
#include "dialect/nova/session.hpp"

#include "dialect/nova/message.hpp"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

namespace bellhop::nova {
namespace {

constexpr std::size_t most_kept = 64;

bool no_room(const Error& error)  // a quota, or a node that has grown too large: what we have written before may be why
{
    const int code = error.os.value();
    return code == ENOSPC || code == EDQUOT || code == E2BIG;
}

bool not_there(const Error& error)
{
    return error.kind == Error::Kind::not_found;
}

bool same_letters(std::string_view one, std::string_view other)
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; };
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [&lower](char a, char b) { return lower(a) == lower(b); });
}

std::string path_of(std::string_view folder, const std::string& name)
{
    return std::string(folder) + "/" + name;
}

}  // namespace

// Of the running request: what the transaction needs, which may outlive us.
struct Session::Ending {
    std::string request, answer;  // paths
    std::string text{};           // "": it is not answered yet
    std::size_t asked = 0;        // hash of the request
    std::optional<Error> lost{};  // the request, while it was answered
    bool writing = false;         // in a transaction
    bool early = false;           // that was there before the text
    bool again = false;           // there was no room the first time

    bool host_gone() const { return lost && not_there(*lost); }

    static void write(const std::shared_ptr<Ending>& ending, const std::shared_ptr<Store::Transaction>& transaction)
    {
        ending->lost.reset();
        ending->early = ending->text.empty();
        if (ending->early)  // nobody waits for a command with an open transaction
            return transaction->abort();
        transaction->read(ending->request, [ending, transaction](const Result<std::string>& still_there) {
            if (still_there)
                return transaction->commit();
            ending->lost = still_there.error();
            transaction->abort();
        });
        transaction->remove(ending->request);
        transaction->write(ending->answer, ending->text);
    }
};

Session::Session(const std::string& version, const Config& config, Store& store, const Context& context)
    : store_(store), context_(context), state_{version, config, context}, old_answers_(store, context.timers)
{
    make_folder();
    store_.list(std::string(folder_of_answers), [this](const Result<std::vector<std::string>>& names) {
        if (names)
            old_answers_.adopt(*names);
    });
    command_names(state_);  // for the log: an own command that can never be called is told at the start
    watch_ = store_.watch(std::string(folder_of_requests), std::bind_front(&Session::on_change, this));
    wait();
}

void Session::make_folder()  // the host's tools expect it, and a guest need not be allowed to
{
    store_.make(std::string(folder_of_requests), [](const Status&) {});
}

void Session::wait()
{
    timer_ = context_.timers.after(look_again, std::bind_front(&Session::on_time, this));
}

void Session::on_time()
{
    wait();
    look();
}

void Session::on_change(std::string_view changed)
{
    requests_.changed(changed);
    unlisted_ = true;
    if (requests_.waiting())  // they came before; and where many wait, each that goes would be a long listing
        return;
    if (listing_ || !state_.config.nova.provider.empty() || !requests_.begin_hinted())
        return look();
    begin_request();
}

void Session::look()
{
    unlisted_ = false;
    changed_ = listing_;  // what is on its way may be from before
    if (listing_)
        return;
    listing_ = true;
    progress_ = false;
    if (state_.config.nova.provider.empty())
        return store_.list(std::string(folder_of_requests), std::bind_front(&Session::on_listed, this));
    store_.read("vm-data/provider_data/provider", std::bind_front(&Session::on_provider, this));
}

void Session::on_provider(const Result<std::string>& name)
{
    const std::string& wanted = state_.config.nova.provider;
    if (name && same_letters(*name, wanted))
        return store_.list(std::string(folder_of_requests), std::bind_front(&Session::on_listed, this));
    listing_ = false;
    trouble({Error::Kind::denied,
             {},
             "no requests are served: the provider of this guest is " + (name ? "'" + *name + "'" : std::string("not known")) +
                 ", not '" + wanted + "'"});
}

void Session::on_listed(const Result<std::vector<std::string>>& names)
{
    listing_ = false;
    if (names || not_there(names.error())) {
        if (!names)  // another daemon, or another domain than before
            make_folder();
        const std::vector<std::string> all = names ? *names : std::vector<std::string>();
        requests_.listed(all);
        std::erase_if(kept_, [&](const Kept& one) {
            const bool gone = std::find(all.begin(), all.end(), one.name) == all.end();
            if (gone)
                old_answers_.add(one.name);
            return gone;
        });
    } else {
        requests_.not_listed();
        trouble(names.error());
    }
    if (changed_)
        look();
    maybe_begin();
}

void Session::maybe_begin()
{
    if (requests_.begin())
        begin_request();
    else if (requests_.running().empty() && (unlisted_ || (requests_.more() && progress_)))
        look();
}

void Session::begin_request()
{
    const std::string& name = requests_.running();
    ending_ = std::make_shared<Ending>(Ending{path_of(folder_of_requests, name), path_of(folder_of_answers, name)});
    store_.read(ending_->request, std::bind_front(&Session::on_request, this));
    write_answer();
}

void Session::on_request(Result<std::string> text)
{
    const std::string& name = requests_.running();
    if (!text) {
        if (!not_there(text.error()))
            trouble(text.error());
        else if (forget(name))
            old_answers_.add(name);  // it did get there, as far as we know
        return end_request();
    }
    ending_->asked = std::hash<std::string>()(*text);
    if (const std::string* known = kept())
        return answered(*known);
    Result<Request> request = parse_request(std::move(*text));
    if (!request)
        return answer(request.error().text, "500");
    const Command* command = find_command(request->name, state_);
    if (!command)
        return answer(unknown_text(request->name), "404");
    call_ = std::make_unique<Call>(state_, *this, std::move(*request));
    command->start(*call_);
}

void Call::answer(std::string message, std::string_view code)
{
    session_.answer(message, code);
}

void Call::unknown()
{
    answer(unknown_text(request_.name), "404");
}

void Session::answer(std::string_view message, std::string_view code)
{
    call_.reset();
    answered(answer_text(message, code));
}

void Session::answered(std::string text)
{
    ending_->text = std::move(text);
    if (!ending_->writing)
        write_answer();
}

void Session::write_answer()
{
    ending_->writing = true;
    store_.transaction(std::bind_front(&Ending::write, ending_), std::bind_front(&Session::on_written, this, ending_));
}

void Session::on_written(const std::shared_ptr<Ending>& ending, const Status& status)
{
    if (ending != ending_)
        return;  // its request was gone
    ending_->writing = false;
    if (ending_->text.empty())
        return;  // or there was no transaction to be had: we try again when we need one
    if (std::exchange(ending_->early, false))
        return write_answer();
    if (!ending_->host_gone() && (ending_->lost || !status)) {
        const Error why = ending_->lost.value_or(status ? Error() : status.error());
        if (!no_room(why) || std::exchange(ending_->again, true))
            return give_up(why);
        old_answers_.remove_all();
        return write_answer();
    }
    forget(requests_.running());
    if (!ending_->host_gone())
        old_answers_.add(requests_.running());
    progress_ = true;
    end_request();
}

// A refusal will be one the next time, too. Left there, its request would be done again and again. A store that is away removes
// nothing, and may have taken the answer before it went: when it is back, the request tells.
void Session::give_up(const Error& why)
{
    const std::string name = requests_.running();
    forget(name);
    if (kept_.size() == most_kept)
        kept_.erase(kept_.begin());
    kept_.push_back({name, ending_->text, ending_->asked});
    store_.remove(ending_->request, [this, name, why](const Status& removed) {
        trouble({why.kind, why.os, (removed ? "no answer to request " : "no answer yet to request ") + name + ": " + why.text});
        if (removed)
            forget(name);
        progress_ |= bool(removed);
        end_request();
    });
}

const std::string* Session::kept() const
{
    const auto at = std::find_if(kept_.begin(), kept_.end(), [this](const Kept& one) {
        return one.name == requests_.running() && one.asked == ending_->asked;
    });
    return at == kept_.end() ? nullptr : &at->text;
}

bool Session::forget(const std::string& name)
{
    return std::erase_if(kept_, [&name](const Kept& one) { return one.name == name; }) > 0;
}

void Session::end_request()
{
    call_.reset();
    ending_.reset();
    requests_.end();
    maybe_begin();
}

void Session::trouble(const Error& error)  // once: what lasts would be told each minute
{
    if (error.text != last_trouble_)
        store_.on_trouble(error);
    last_trouble_ = error.text;
}

}  // namespace bellhop::nova
