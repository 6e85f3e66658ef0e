// SPDX-License-Identifier: Apache-2.0
// What freezes and writes in one agent must not meet. The file systems themselves are test/qga/freeze_test.py's.
#include "op/jobs.hpp"
#include "support/loop.hpp"

using namespace bellhop;
using namespace bellhop::test;
using State = op::FreezeState::State;

namespace {

struct Freezer : Loop {
    TempDir root;  // it has no mounts, so that nothing of this machine is frozen
    std::optional<Result<op::Freeze::Answer>> answer;
    std::unique_ptr<Lease> lease;

    Freezer()
    {
        std::filesystem::create_directories(root / "proc/self");
        std::filesystem::create_directories(root / "run");
        write_file(root / "proc/self/mountinfo", "");
        config.root = root.path();
    }
    Status freeze()
    {
        auto begun = context.operations.ask<op::Freeze>(context, {}, [this](auto given) { answer = std::move(given); });
        if (!begun)
            return std::move(begun.error());
        lease = std::move(*begun);
        return done();
    }
    State state() { return context.operations.call<op::FreezeState>(context, {})->state; }
};

}  // namespace

TEST_CASE("freeze: nothing is frozen while a file is being put", "[freeze]")
{
    Freezer guest;
    Sink sink;
    auto put = guest.context.operations.start<op::PutFile>(guest.context, {guest.root / "file", "", 0600}, sink);
    REQUIRE(put);

    CHECK(guest.freeze().error().kind == Error::Kind::busy);
    CHECK(guest.state() == State::thawed);

    put->reset();
    REQUIRE(guest.freeze());
    REQUIRE(guest.until([&] { return guest.answer.has_value(); }));
    CHECK((*guest.answer)->count == 0);
}

TEST_CASE("freeze: no file is put from its beginning on", "[freeze]")
{
    Freezer guest;
    Sink sink;
    REQUIRE(guest.freeze());
    CHECK(guest.state() == State::freezing);

    auto put = guest.context.operations.start<op::PutFile>(guest.context, {guest.root / "file", "", 0600}, sink);

    REQUIRE_FALSE(put);
    CHECK(put.error().kind == Error::Kind::busy);
    CHECK_FALSE(std::filesystem::exists(guest.root / "file"));
    REQUIRE(guest.until([&] { return guest.answer.has_value(); }));
    CHECK(guest.state() == State::thawed);
}

TEST_CASE("freeze: without a place for its mark there is none", "[freeze]")
{
    Freezer guest;
    guest.config.qga.state_directory = "/nowhere";
    REQUIRE(guest.freeze());

    REQUIRE(guest.until([&] { return guest.answer.has_value(); }));

    REQUIRE_FALSE(*guest.answer);
    CHECK(guest.answer->error().text.find("/nowhere/qga.state.isfrozen: No such file") != std::string::npos);
    CHECK(guest.state() == State::thawed);
}

TEST_CASE("freeze: what changes is told to whoever must not write meanwhile", "[freeze]")
{
    Freezer guest;
    std::vector<bool> told;
    guest.registry.guest().frozen.on_change = [&told](bool frozen) { told.push_back(frozen); };
    REQUIRE(guest.freeze());

    REQUIRE(guest.until([&] { return guest.answer.has_value(); }));

    CHECK(told == std::vector<bool>{true, false});
}

TEST_CASE("freeze: an open file takes nothing from its beginning on", "[freeze]")
{
    Freezer guest;
    const op::OpenFile::Request request{guest.root / "file", false, true, false, false, 0600};
    auto opened = guest.context.operations.call<op::OpenFile>(guest.context, request);
    REQUIRE(opened);
    REQUIRE(guest.freeze());

    const auto refused = opened->file->write(bytes_of("x"));

    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == Error::Kind::busy);
    CHECK_FALSE(refused.error().os);
    CHECK_FALSE(guest.context.operations.call<op::OpenFile>(guest.context, request));
    REQUIRE(guest.until([&] { return guest.answer.has_value(); }));
    CHECK(opened->file->write(bytes_of("x")));
}

TEST_CASE("freeze: none begins before a thaw has ended, which would undo it", "[freeze]")
{
    Freezer guest;
    int thawed = 0;
    std::vector<std::unique_ptr<Lease>> thaws;
    for (int i = 0; i < 2; ++i) {
        auto begun = guest.context.operations.ask<op::Thaw>(guest.context, {}, [&thawed](const auto&) { ++thawed; });
        REQUIRE(begun);
        thaws.push_back(std::move(*begun));
    }

    CHECK(guest.freeze().error().kind == Error::Kind::busy);
    REQUIRE(guest.until([&] { return thawed >= 1; }));
    if (thawed == 1)
        CHECK_FALSE(guest.freeze());

    REQUIRE(guest.until([&] { return thawed == 2; }));
    CHECK(guest.freeze());
    REQUIRE(guest.until([&] { return guest.answer.has_value(); }));
}
