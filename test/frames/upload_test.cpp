// SPDX-License-Identifier: Apache-2.0
// put_file: exactly `size` bytes come off the wire whatever becomes of them.
#include "support/fragments.hpp"
#include "support/frames.hpp"

using namespace bellhop;
using namespace bellhop::test;

namespace {

const std::string put_ten = frame(Tag::json, R"({"op":"put_file","path":"/d/f","name":"n","mode":384,"size":10})");

}  // namespace

TEST_CASE("put: the bytes arrive, then the file is published, then the host is told, however it is cut", "[frames][put]")
{
    for (const auto& fragments :
         fragmentations(put_ten + frame(Tag::data, "0123") + frame(Tag::data, "") + frame(Tag::data, "456789"))) {
        Conversation host;
        for (const std::string& fragment : fragments) {
            CHECK(host.session->awaits_peer());
            host.says(fragment);
        }

        const FakePut& put = host.operations.put;
        CHECK(put.started->path == "/d/f");
        CHECK(put.started->name == "n");
        CHECK(put.started->mode == 0600u);
        CHECK(put.input == "0123456789");
        CHECK(put.input_ended);
        CHECK_FALSE(host.session->awaits_peer());
        host.says(frame(Tag::eof, ""));  // SmolVM's host adds it; nobody waits for it
        CHECK(host.outbox.sent().empty());

        host.operations.put.ends(ExitStatus{});
        CHECK(host.hears_once() == R"({"ok":true})");
        CHECK(host.outbox.rest == Outbox::Rest::some);
    }
}

TEST_CASE("put: a file of no bytes needs no frame", "[frames][put]")
{
    Conversation host;

    host.asks(R"({"op":"put_file","path":"/f","size":0})");

    CHECK(host.operations.put.input_ended);
    CHECK_FALSE(host.operations.put.started->mode);
    CHECK_FALSE(host.session->awaits_peer());
}

TEST_CASE("put: an error is told when all bytes have been taken, and not before", "[frames][put]")
{
    struct Row {
        std::string members;
        std::optional<Error> refuses;
        std::string error;
    };
    const Row row = GENERATE(values<Row>({
        {R"("size":4)", {}, "missing 'path'"},
        {R"("size":4,"path":"")", {}, "missing 'path'"},
        {R"("size":4,"path":7)", {}, "missing 'path'"},
        {R"("size":4,"path":"/a\u0000b")", {}, "embedded null byte"},
        {R"("size":4,"path":"/a","name":"\u0000")", {}, "embedded null byte"},
        {R"("size":4,"path":"/a","mode":"0644")", {}, "bad 'mode'"},
        {R"("size":4,"path":"/a","mode":65536)", {}, "bad 'mode'"},
        {R"("size":4,"path":"/a/b")", Error{Error::Kind::not_found, {2, std::system_category()}, "x"},
         "cannot create file: [Errno 2] No such file or directory: '/a/b'"},
        {R"("size":4,"path":"/a")", Error{Error::Kind::bad_request, {}, "destination is a directory"},
         "destination is a directory"},
    }));
    Conversation host;
    host.operations.refuses = row.refuses;

    host.asks(R"({"op":"put_file",)" + row.members + "}");
    host.says(frame(Tag::data, "abc"));
    CHECK(host.outbox.sent().empty());
    CHECK(host.session->awaits_peer());
    host.says(frame(Tag::data, "d"));

    CHECK(host.hears_once() == R"({"ok":false,"error":")" + row.error + "\"}");
    CHECK(host.outbox.rest == Outbox::Rest::some);
}

TEST_CASE("put: a size that is none is refused at once", "[frames][put]")
{
    const std::string size = GENERATE(values<std::string>({"-1", "null", "\"3\"", "1.5", "true", "18446744073709551615", "[]"}));
    Conversation host;

    host.asks(R"({"op":"put_file","path":"/f","size":)" + size + "}");

    CHECK(host.hears_once() == R"({"ok":false,"error":"bad 'size'"})");
    CHECK_FALSE(host.operations.put.started);
}

TEST_CASE("put: what is not exactly size bytes of DATA is refused and leaves the target alone", "[frames][put]")
{
    struct Row {
        std::string wire, error;
    };
    const Row row = GENERATE(values<Row>({
        {frame(Tag::eof, ""), "size mismatch: 0 of 10 bytes"},
        {frame(Tag::data, "abc") + frame(Tag::eof, ""), "size mismatch: 3 of 10 bytes"},
        {frame(Tag::data, "abc") + frame(Tag::data, "12345678"), "size mismatch: 11 of 10 bytes"},
        {frame(Tag::data, "abc") + frame(Tag::out, "x"), "unexpected frame type 2 during upload"},
        {frame(Tag::json, R"({"op":"ping"})"), "unexpected frame type 1 during upload"},
        {frame(Tag(99), "x"), "unexpected frame type 99 during upload"},
    }));

    for (const auto& fragments : fragmentations(put_ten + row.wire)) {
        Conversation host;
        for (const std::string& fragment : fragments)
            host.says(fragment);

        CHECK(host.hears_once() == R"({"ok":false,"error":")" + row.error + "\"}");
        CHECK_FALSE(host.operations.put.input_ended);
        CHECK(host.operations.put.dropped);
    }
}

TEST_CASE("put: a disk that is behind pauses the link", "[frames][put]")
{
    Conversation host;
    host.says(put_ten);
    host.operations.put.input_full = true;

    host.says(frame(Tag::data, "0123"));
    CHECK(host.outbox.paused);

    host.operations.put.sink->on_input_room();
    CHECK_FALSE(host.outbox.paused);
}

TEST_CASE("put: a disk that fails is told in the system's words", "[frames][put]")
{
    Conversation host;
    host.says(put_ten + frame(Tag::data, "0123456789"));

    host.operations.put.ends(Error{Error::Kind::failed, {28, std::system_category()}, "cannot write f: No space left on device"});

    CHECK(host.hears_once() == R"({"ok":false,"error":"[Errno 28] No space left on device"})");
}

TEST_CASE("put: a hang-up at any byte leaves the target alone", "[frames][put]")
{
    const std::string wire = put_ten + frame(Tag::data, "0123") + frame(Tag::data, "456789");

    for (std::size_t size = 0; size < wire.size(); ++size) {
        Conversation host;
        host.says(wire.substr(0, size));
        host.session.reset();

        CHECK_FALSE(host.operations.put.input_ended);
        CHECK((!host.operations.put.started || host.operations.put.dropped));
    }
}
