// SPDX-License-Identifier: Apache-2.0
// The order: mark it (a mark in a file, for an agent that starts meanwhile), the hook, the file systems; and back: the file
// systems, the hook, the mark. Who holds the mark's lock runs the hook, so that it hears of each thaw once; whoever is killed in
// it leaves the mark, and so it hears of the thaw again rather than never. flock(2).
// Everything that waits is a child's; what is done here is to know whether one is on its way.
//
// The mark is qemu-ga's (qga.state.isfrozen), which may take over, or be taken over from. In it we write for which boot it
// holds: it may lie on a disk, and file systems do not stay frozen over a reset.
#include "os/freeze.hpp"

#include "op/helper_words.hpp"
#include "op/in_child.hpp"
#include "op/jobs.hpp"
#include "os/errors.hpp"
#include "os/text_file.hpp"

#include <bellhop/fd.hpp>

#include <algorithm>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bellhop::op {
namespace {

using State = Frozen::State;

constexpr std::chrono::seconds freezing_one{120}, thawing_one{30};  // file system
constexpr std::chrono::minutes all_of_it{10};                       // with the hook

std::string mark_of(const Config& config)
{
    return config.root + config.qga.state_directory + "/qga.state.isfrozen";
}

std::string boot_id(const Config& config)
{
    return os::first_line(config.root + "/proc/sys/kernel/random/boot_id");
}

// ---- in the child

Status write_mark(const Config& config)
{
    const std::string path = mark_of(config);
    const std::string boot = boot_id(config) + "\n";
    const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file || ::write(file.get(), boot.data(), boot.size()) < 0)
        return os::failure("cannot write " + path);
    return done();
}

// What went wrong; nothing: it went well, or there is no hook.
std::string run_hook(const Config& config, const char* word)
{
    if (config.qga.freeze_hook.empty())
        return {};
    const std::string path = config.root + config.qga.freeze_hook;
    if (::access(path.c_str(), X_OK) < 0)
        return os::failure("can't access fsfreeze hook '" + path + "'").text;
    const Result<os::HelperEnd> end = os::run_helper({path, word});
    if (!end)
        return end.error().text;
    return end->code == 0 ? std::string() : "child process has failed to execute fsfreeze hook" + said(*end);
}

// What the hook said of it. Nothing: also when nothing was marked, or somebody else is about it.
std::string end_of_freeze(const Config& config)
{
    const std::string path = mark_of(config);
    const Fd mark(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    struct stat info;
    if (!mark || (::flock(mark.get(), LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK))
        return {};
    if (::fstat(mark.get(), &info) == 0 && info.st_nlink == 0)
        return {};
    std::string wrong = run_hook(config, "thaw");
    ::unlink(path.c_str());
    return wrong;
}

json::Value thaw_all(const Config& config)
{
    const Result<std::vector<os::Mount>> mounts = os::disk_mounts(config.root);
    if (!mounts)
        return json::Members{{"error", mounts.error().text}};
    const int count = os::thaw(*mounts, config.root, thawing_one);
    return json::Members{{"count", count}, {"hook", end_of_freeze(config)}};
}

Result<int> freeze_them(const Config& config, const Freeze::Request& request)
{
    if (std::string wrong = run_hook(config, "freeze"); !wrong.empty())
        return Error{Error::Kind::failed, {}, std::move(wrong)};
    Result<std::vector<os::Mount>> mounts = os::disk_mounts(config.root);
    if (!mounts)
        return std::move(mounts.error());
    if (const auto& wanted = request.directories)
        std::erase_if(*mounts, [&](const os::Mount& mount) {
            return std::find(wanted->begin(), wanted->end(), mount.directory) == wanted->end();
        });
    return os::freeze(*mounts, config.root, freezing_one,
                      config.qga.skip_unopenable ? os::Unopenable::skipped : os::Unopenable::fails);
}

// A value in any case: no value means that the child did not get as far as to clean up.
json::Value freeze_all(const Config& config, const Freeze::Request& request)
{
    if (Status marked = write_mark(config); !marked)
        return json::Members{{"error", marked.error().text}};
    const Result<int> count = freeze_them(config, request);
    if (count && *count > 0)
        return json::Members{{"count", *count}};
    end_of_freeze(config);
    return json::Members{{"error", count ? std::string() : count.error().text}};
}

std::string text_in(const json::Value& value, std::string_view name)
{
    const std::string* text = value[name].string();
    return text ? *text : std::string();
}

int count_in(const json::Value& value)
{
    const std::int64_t* count = value["count"].integer();
    return count ? int(*count) : 0;
}

// ---- in the agent

// One freeze. Cut short by its child's death or by the time limit, it thaws before it says so.
class Freezing final : public Lease {
public:
    Freezing(Guest& guest, const Context& context, Then<Freeze> then) : guest_(guest), context_(context), then_(std::move(then))
    {
    }
    ~Freezing() override
    {
        guest_.frozen.cut_short = nullptr;
        if (then_ && guest_.frozen.state() == State::freezing)
            guest_.frozen.set(State::frozen);  // nobody knows; a thaw finds out
    }
    Status begin(const Freeze::Request& request)
    {
        const Config& config = guest_.facts.config;
        Result<std::unique_ptr<Lease>> child = in_child(
            guest_, context_, all_of_it, [&] { return freeze_all(config, request); },
            [this](Result<json::Value> found) { found ? on_found(*found) : on_lost(std::move(found.error())); });
        if (!child)
            return std::move(child.error());
        child_ = std::move(*child);
        guest_.frozen.set(State::freezing);
        guest_.frozen.cut_short = [this] {  // by a thaw, which does the rest
            child_.reset();
            soon_ = context_.timers.after(std::chrono::milliseconds(0), [this] {
                end(Error{Error::Kind::failed, {}, "a thaw has cut the freeze short"});
            });
        };
        return done();
    }

private:
    void on_found(const json::Value& found)
    {
        const int count = count_in(found);
        std::string wrong = text_in(found, "error");
        guest_.frozen.set(count > 0 ? State::frozen : State::thawed);
        wrong.empty() ? end(Freeze::Answer{count}) : end(Error{Error::Kind::failed, {}, std::move(wrong)});
    }
    void on_lost(Error why)
    {
        const Config& config = guest_.facts.config;
        Result<std::unique_ptr<Lease>> child = in_child(
            guest_, context_, all_of_it, [&] { return thaw_all(config); },
            [this, why](Result<json::Value> found) {
                guest_.frozen.set(found ? State::thawed : State::frozen);
                end(why);
            });
        if (!child) {
            guest_.frozen.set(State::frozen);
            return end(std::move(why));
        }
        child_ = std::move(*child);
    }
    void end(Result<Freeze::Answer> answer)  // last: it may destroy us
    {
        guest_.frozen.cut_short = nullptr;
        if (const auto then = std::exchange(then_, nullptr))
            then(std::move(answer));
    }

    Guest& guest_;
    const Context context_;
    Then<Freeze> then_;
    std::unique_ptr<Lease> child_;
    std::unique_ptr<Timer> soon_;
};

}  // namespace

bool marked_frozen(const Config& config)
{
    const Result<std::string> mark = os::text_of_file(mark_of(config), 4096);
    return mark && (mark->empty() || *mark == boot_id(config) + "\n");
}

Status freeze_state(Guest& guest, const Context&, const FreezeState::Request&, FreezeState::Answer& answer)
{
    answer.state = guest.frozen.state();
    return done();
}

Begun ask_freeze(Guest& guest, const Context& context, Freeze::Request request, Then<Freeze> then)
{
    if (!guest.frozen.nothing())
        return Error{Error::Kind::busy, {}, "file systems are frozen already"};
    if (guest.frozen.being_thawed())
        return Error{Error::Kind::busy, {}, "a thaw has not ended yet"};
    if (guest.frozen.written_to())
        return Error{Error::Kind::busy, {}, "file systems cannot be frozen while a file is being put into the guest"};
    auto freezing = std::make_unique<Freezing>(guest, context, std::move(then));
    if (Status begun = freezing->begin(request); !begun)
        return std::move(begun.error());
    return freezing;
}

Begun ask_thaw(Guest& guest, const Context& context, Thaw::Request, Then<Thaw> then)
{
    if (const auto cut_short = std::exchange(guest.frozen.cut_short, nullptr))
        cut_short();
    const Config& config = guest.facts.config;
    if (!guest.frozen.nothing())
        guest.frozen.set(State::thawing);
    return in_child(
        guest, context, all_of_it, [&] { return thaw_all(config); },
        [&guest, thawing = std::make_shared<Frozen::Thawing>(guest.frozen),
         then = std::move(then)](Result<json::Value> found) mutable {
            thawing.reset();
            std::string wrong = found ? text_in(*found, "error") : found.error().text;
            if (!guest.frozen.nothing() && !guest.frozen.being_thawed())  // else the last of them says it
                guest.frozen.set(wrong.empty() ? State::thawed : State::frozen);
            if (!wrong.empty())
                return then(Error{Error::Kind::failed, {}, std::move(wrong)});
            then(Thaw::Answer{count_in(*found), text_in(*found, "hook")});
        });
}

}  // namespace bellhop::op
