// SPDX-License-Identifier: Apache-2.0
#include "greeting.hpp"

#include <functional>
#include <utility>

namespace embedder {
namespace {

using namespace bellhop;

Status greet(const std::string& greeter, const Context& context, const Greeting::Request& request, Greeting::Answer& answer)
{
    if (request.name.empty())
        return Error{Error::Kind::bad_request, {}, "nobody to greet"};
    answer.text = "hello " + request.name + ", " + greeter + " speaks " + context.dialect + " with " + context.peer.name;
    return done();
}

}  // namespace

OperationRow greeting_row(std::string greeter)
{
    return call_row<Greeting>(std::bind_front(&greet, std::move(greeter)));
}

}  // namespace embedder
