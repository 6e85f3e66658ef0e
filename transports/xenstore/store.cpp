// SPDX-License-Identifier: Apache-2.0
// A watch has a token of our own, so that two of one path are two for the daemon, too.
#include "transports/xenstore/store.hpp"

#include "transports/xenstore/paths.hpp"

#include <algorithm>
#include <utility>

namespace bellhop::transports {

using xenstore::Type;

namespace {

constexpr std::size_t longest_list = 1 << 20;  // bytes of names

XenConnection::Answer status_for(std::function<void(Status)> answer)
{
    return
        [answer = std::move(answer)](Result<std::string_view> said) { answer(said ? done() : Status(std::move(said.error()))); };
}

}  // namespace

class XenStore::Handle final : public Store::Watch {
public:
    Handle(XenStore& store, Watched& watched) : store_(&store), watched_(watched) { watched_.handle = this; }
    ~Handle() override
    {
        if (store_)
            store_->on_dropped(watched_);
    }
    void let_go() { store_ = nullptr; }

private:
    XenStore* store_;
    Watched& watched_;
};

XenStore::XenStore(asio::io_context& io, Timers& timers, Open open, std::string base, Opened opened)
    : timers_(timers), open_(std::move(open)), base_(std::move(base)), connection_(io, timers, *this),
      transactions_(connection_, timers, base_)
{
    connection_.open(std::move(opened.link), opened.manner);
}

XenStore::~XenStore()
{
    for (const Watched& watched : watches_)
        if (watched.handle)
            watched.handle->let_go();
    if (owner_)
        owner_->on_store_end();
}

void XenStore::read(std::string path, std::function<void(Result<std::string>)> answer)
{
    connection_.ask(Type::read, 0, {path_in(base_, path)}, {}, [answer = std::move(answer)](Result<std::string_view> value) {
        answer(value ? Result<std::string>(std::string(*value)) : Result<std::string>(std::move(value.error())));
    });
}

void XenStore::write(std::string path, std::string value, std::function<void(Status)> answer)
{
    connection_.ask(Type::write, 0, {path_in(base_, path)}, value, status_for(std::move(answer)));
}

void XenStore::remove(std::string path, std::function<void(Status)> answer)
{
    connection_.ask(Type::remove, 0, {path_in(base_, path)}, {}, status_for(std::move(answer)));
}

void XenStore::make(std::string path, std::function<void(Status)> answer)
{
    connection_.ask(Type::make, 0, {path_in(base_, path)}, {}, status_for(std::move(answer)));
}

void XenStore::transaction(std::function<void(std::shared_ptr<Transaction>)> body, std::function<void(Status)> answer)
{
    transactions_.add(std::move(body), std::move(answer));
}

// ---- lists

struct XenStore::Listing {
    std::string path;
    std::function<void(Result<std::vector<std::string>>)> answer;
    Error too_big;  // what is said where there is no DIRECTORY_PART
    std::string generation, names;
};

void XenStore::list(std::string path, std::function<void(Result<std::vector<std::string>>)> answer)
{
    auto listing = std::make_shared<Listing>(Listing{path_in(base_, path), std::move(answer), {}, {}, {}});
    connection_.ask(Type::directory, 0, {listing->path}, {}, [this, listing](Result<std::string_view> names) {
        if (names)
            return listing->answer(xenstore::words_of(*names));
        if (names.error().os != std::errc::argument_list_too_long)
            return listing->answer(std::move(names.error()));
        listing->too_big = std::move(names.error());
        list_parts(listing);
    });
}

void XenStore::list_parts(std::shared_ptr<Listing> listing)
{
    const std::string from = std::to_string(listing->names.size());
    const std::string_view path = listing->path;
    connection_.ask(Type::directory_part, 0, {path, from}, {}, std::bind_front(&XenStore::on_part, this, std::move(listing)));
}

void XenStore::on_part(const std::shared_ptr<Listing>& listing, Result<std::string_view> answer)
{
    if (!answer || listing->names.size() > longest_list)
        return listing->answer(listing->too_big);
    const xenstore::Part part = xenstore::part_of(*answer);
    if (!listing->names.empty() && listing->generation != part.generation) {  // it has changed in the meantime
        listing->names.clear();
        return list_parts(listing);
    }
    listing->generation = part.generation;
    listing->names += part.names;
    if (!part.last)
        return list_parts(listing);
    listing->answer(xenstore::words_of(listing->names));
}

// ---- watches

std::unique_ptr<Store::Watch> XenStore::watch(std::string path, std::function<void(std::string_view)> changed)
{
    Watched& watched =
        watches_.emplace_back(Watched{path_in(base_, path), std::to_string(++last_token_), std::move(changed), nullptr, false});
    auto handle = std::make_unique<Handle>(*this, watched);
    if (connection_.is_open())
        register_watches();
    return handle;
}

void XenStore::register_watches()
{
    for (Watched& watched : watches_)
        if (!std::exchange(watched.standing, true))
            connection_.ask(Type::watch, 0, {watched.path, watched.token}, {},
                            std::bind_front(&XenStore::on_watched, this, watched.token));
}

void XenStore::on_watched(const std::string& token, Result<std::string_view> answer)
{
    const auto at = std::find_if(watches_.begin(), watches_.end(), [&](const Watched& one) { return one.token == token; });
    if (answer && !stood_)
        stood_ = timers_.now();
    if (answer || at == watches_.end() || !connection_.is_open())
        return;
    at->standing = false;  // a quota, mostly: of what others in this guest watch, too
    tell(answer.error());
    again_ = timers_.after(watch_rest, std::bind_front(&XenStore::register_watches, this));
}

void XenStore::on_dropped(Watched& watched)
{
    watched.handle = nullptr;
    if (watched.standing && connection_.is_open())
        connection_.ask(Type::unwatch, 0, {watched.path, watched.token}, {}, [](const auto&) {});
    if (firing_ != &watched)
        watches_.remove_if([&](const Watched& one) { return &one == &watched; });
}

void XenStore::on_event(const xenstore::Event& event)
{
    const auto at = std::find_if(watches_.begin(), watches_.end(), [&](const Watched& one) { return one.token == event.token; });
    if (at == watches_.end())
        return;
    firing_ = &*at;
    at->changed(path_out_of(base_, event.path));
    firing_ = nullptr;
    if (!at->handle)  // it was dropped in the call
        watches_.erase(at);
}

// ---- lost and found

void XenStore::on_lost(const Error& why)
{
    if (stood_ && timers_.now() - *stood_ >= lasting) {  // else what we ask may be why it goes
        rest_ = first_rest;
        said_.clear();
    }
    stood_.reset();
    tell(why);
    for (Watched& watched : watches_)
        watched.standing = false;
    again_ = timers_.after(rest_, std::bind_front(&XenStore::open_again, this));
    rest_ = std::min(2 * rest_, longest_rest);
    transactions_.on_lost(why);
}

void XenStore::open_again()
{
    auto opened = open_();
    if (opened) {
        connection_.open(std::move(opened->link), opened->manner);
        return register_watches();
    }
    tell(opened.error());
    again_ = timers_.after(rest_, std::bind_front(&XenStore::open_again, this));
    rest_ = std::min(2 * rest_, longest_rest);
}

void XenStore::tell(const Error& error)
{
    if (owner_ && std::exchange(said_, error.text) != error.text)
        owner_->on_store_trouble(error);
}

}  // namespace bellhop::transports
