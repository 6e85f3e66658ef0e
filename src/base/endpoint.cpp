// SPDX-License-Identifier: Apache-2.0
#include "base/endpoint.hpp"

#include "base/concat.hpp"

namespace bellhop {

Result<Endpoint> parse_endpoint(std::string_view word)
{
    const std::size_t colon = word.find(':');
    if (colon == word.npos || colon == 0)
        return Error{Error::Kind::bad_request, {}, concat({"'", word, "' is not TRANSPORT:ADDRESS[=DIALECT]"})};
    Endpoint endpoint{std::string(word.substr(0, colon)), std::string(word.substr(colon + 1)), {}};
    const std::size_t equals = endpoint.address.rfind('=');
    if (equals != std::string::npos) {
        endpoint.dialect = endpoint.address.substr(equals + 1);
        endpoint.address.resize(equals);
        if (endpoint.dialect.empty())
            return Error{Error::Kind::bad_request, {}, concat({"no dialect after the '=' of '", word, "'"})};
    }
    return endpoint;
}

std::string text_of(const Endpoint& endpoint)
{
    return concat({endpoint.transport, ":", endpoint.address, endpoint.dialect.empty() ? "" : "=", endpoint.dialect});
}

}  // namespace bellhop
