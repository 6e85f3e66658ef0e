// SPDX-License-Identifier: Apache-2.0
#include "agent/settings.hpp"
#include "support/catch.hpp"

using namespace bellhop;

TEST_CASE("settings: what is printed says the same when it is read again", "[settings]")
{
    Settings settings;
    REQUIRE(apply_file(settings, "a.conf",
                       "[agent]\nlisten=unix:/x\\;y=frames;vsock:5\nlog-level=debug\nlog-target=kmsg\nroot=/srv/guest\n"
                       "[limits]\nruns=3\ngrace=0.25\nidle-timeout=1.5\n[peers]\nvsock-cids=\nunix-uids=7;8\n"
                       "[operations]\nblock=run\n[dialect frames]\nallow=get_file;info\n"
                       "[qga]\nblock-rpcs=guest-ping guest-exec\nallow-rpcs=;\nstate-directory=/a\\;b\nfreeze-hook=/h\n"
                       "skip-unopenable=true\nfreeze-lease=0.5\n"
                       "[nova]\nprovider=Rackspace\nkmsactivate=true\n"));

    const std::string printed = print(settings);
    Settings again;
    REQUIRE(apply_file(again, "b.conf", printed));

    CHECK(differing(settings, again, Setting::When::reload).empty());
    CHECK(differing(settings, again, Setting::When::restart).empty());
    CHECK(again.config.listen[0].address == "/x;y");
    CHECK(again.config.peers.cids.empty());
    CHECK(again.config.qga == settings.config.qga);
    CHECK(again.config.nova == settings.config.nova);
    CHECK(again.config.nova.kmsactivate);
    CHECK(again.config.nova.provider == "Rackspace");
    CHECK(again.config.qga.allow_rpcs == std::vector<std::string>());  // none, which is not all
    CHECK(again.config.qga.state_directory == "/a;b");
    CHECK(again.config.dialect_rules.at("frames").allowed == std::vector<std::string>{"get_file", "info"});
    CHECK(printed.find("# a.conf:7\nruns=3\n") != printed.npos);
    CHECK(printed.find("# default\nconnections=256\n") != printed.npos);
    CHECK(printed.find("# a.conf:16\nallow=get_file;info;\n") != printed.npos);
}

TEST_CASE("settings: each default, printed and read, is the default", "[settings]")
{
    Settings settings, again;
    REQUIRE(apply_file(again, "x", print(settings)));
    for (const Setting& one : bellhop::settings())
        CHECK(one.show(again) == one.show(settings));
}

TEST_CASE("settings: an error has the file, the line and the nearest name", "[settings]")
{
    struct Row {
        std::string text, error;
    };
    const Row row = GENERATE(values<Row>({
        {"[limits]\nrun=3\n", "f:2: no key 'run' in [limits]; the nearest is runs in [limits]"},
        {"[limit]\nruns=3\n", "f:2: no key 'runs' in [limit]; the nearest is runs in [limits]"},
        {"[agent]\nlog-lvl=debug\n", "f:2: no key 'log-lvl' in [agent]; the nearest is log-level in [agent]"},
        {"[dialect frames]\nblocked=run\n", "f:2: no key 'blocked' in [dialect frames]; there are allow and block"},
        {"[limits]\n\nruns=many\n", "f:3: runs takes a whole number from 1 to 1000000, not 'many'"},
        {"[agent]\nlisten=unix\n", "f:2: listen 'unix' is not TRANSPORT:ADDRESS[=DIALECT]"},
        {"[qga]\nskip-unopenable=yes\n", "f:2: skip-unopenable takes one of false, true, not 'yes'"},
        {"[qga]\nfreeze-hook=hook\n", "f:2: freeze-hook takes an absolute path, not 'hook'"},
        {"[agent]\nroot=a\\q\n", "f:2: root '\\' in 'a\\q' is not followed by one of s n t r \\ ;"},
        {"nonsense\n", "f: line 1: 'nonsense' is not KEY=VALUE"},
    }));

    Settings settings;
    Status status = apply_file(settings, "f", row.text);

    REQUIRE_FALSE(status);
    CHECK(status.error().text == row.error);
}

TEST_CASE("settings: what differs is told by when it can change", "[settings]")
{
    Settings old, fresh;
    REQUIRE(apply_file(fresh, "f", "[agent]\nlisten=fd:3\nlog-level=error\n[limits]\nruns=1\n[dialect frames]\nblock=run\n"));

    CHECK(differing(old, fresh, Setting::When::restart) == std::vector<std::string>{"agent.listen"});
    CHECK(differing(old, fresh, Setting::When::reload) ==
          std::vector<std::string>{"agent.log-level", "limits.runs", "the dialects' rules"});
}

TEST_CASE("settings: a time is seconds with or without a fraction, rounded up to milliseconds, a year at most", "[settings]")
{
    struct Row {
        std::string text;
        int milliseconds;  // -1: none
    };
    const Row row = GENERATE(values<Row>({{"0", 0},
                                          {"2", 2000},
                                          {"2.", 2000},
                                          {".5", 500},
                                          {"0.25", 250},
                                          {"00.1234", 124},
                                          {"0.1230000", 123},
                                          {"0.00000000000000000000001", 1},
                                          {"1000000.001", 1'000'000'001},
                                          {"", -1},
                                          {".", -1},
                                          {"1.2.3", -1},
                                          {"-1", -1},
                                          {"+1", -1},
                                          {"1e3", -1},
                                          {"0x1", -1},
                                          {"nan", -1},
                                          {"31536000.0001", -1},
                                          {"99999999999999999999999", -1}}));
    CAPTURE(row.text);

    Settings settings;
    const Status status = apply_file(settings, "f", "[limits]\nidle-timeout=" + row.text + "\n");

    REQUIRE(bool(status) == (row.milliseconds >= 0));
    if (status)
        CHECK(settings.config.limits.idle.count() == row.milliseconds);
}
