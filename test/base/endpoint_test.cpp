// SPDX-License-Identifier: Apache-2.0
#include "base/endpoint.hpp"
#include "support/catch.hpp"

using namespace bellhop;

TEST_CASE("endpoint: it is split at the first colon and the last equals sign", "[endpoint]")
{
    struct Row {
        std::string word, transport, address, dialect;
    };
    const Row row = GENERATE(values<Row>({
        {"unix:/run/x", "unix", "/run/x", ""},
        {"unix:/run/a=b/x=frames", "unix", "/run/a=b/x", "frames"},
        {"vsock:2:1024=frames,qga", "vsock", "2:1024", "frames,qga"},
        {"fd:3", "fd", "3", ""},
        {"xenstore:=nova", "xenstore", "", "nova"},
    }));

    const Result<Endpoint> endpoint = parse_endpoint(row.word);

    REQUIRE(endpoint);
    CHECK(endpoint->transport == row.transport);
    CHECK(endpoint->address == row.address);
    CHECK(endpoint->dialect == row.dialect);
    CHECK(text_of(*endpoint) == row.word);
}

TEST_CASE("endpoint: what is none is named in the error", "[endpoint]")
{
    const std::string word = GENERATE(values<std::string>({"", "unix", "/run/x", ":x", "unix:/x="}));

    const Result<Endpoint> endpoint = parse_endpoint(word);

    REQUIRE_FALSE(endpoint);
    CHECK(endpoint.error().text.find("'" + word + "'") != std::string::npos);
}
