// SPDX-License-Identifier: Apache-2.0
// A verb is a line in the table. The two templates turn a typed function into the table's common shape; the types fit because
// `&Op::info` is both the caller's key (Operations::start<Op>) and the line's.
#include "op/registry.hpp"

#include "op/jobs.hpp"

namespace bellhop::op {
namespace {

using StartFunction = Result<std::unique_ptr<Job>> (*)(Guest&, const Context&, void*, JobSink&);
using CallFunction = Status (*)(Guest&, const Context&, void*, void*);
struct Verb {
    const OperationInfo* info;
    CallFunction call;
    StartFunction start;
};

template <class Op, auto function> Verb job()
{
    return {&Op::info, nullptr, [](Guest& guest, const Context& context, void* request, JobSink& sink) {
                return function(guest, context, std::move(*static_cast<typename Op::Request*>(request)), sink);
            }};
}

template <class Op, auto function> Verb call()
{
    return {&Op::info,
            [](Guest& guest, const Context& context, void* request, void* answer) {
                return function(guest, context, *static_cast<typename Op::Request*>(request),
                                *static_cast<typename Op::Answer*>(answer));
            },
            nullptr};
}

const Verb verbs[] = {
    call<GetFile, &get_file>(),
    call<Info, &info>(),
    job<PutFile, &start_put_file>(),
    job<Run, &start_run>(),
};

const Verb* find(const OperationInfo& info)
{
    for (const Verb& verb : verbs)
        if (verb.info == &info)
            return &verb;
    return nullptr;
}

Error unknown(const OperationInfo& info)
{
    return {Error::Kind::unsupported, {}, "this guest cannot " + std::string(info.name)};
}

}  // namespace

Result<std::unique_ptr<Job>> Registry::start_erased(const OperationInfo& info, const Context& context, void* request,
                                                    JobSink& sink)
{
    if (Status allowed = policy_.check(info, context); !allowed)
        return std::move(allowed.error());
    const Verb* verb = find(info);
    return verb && verb->start ? verb->start(guest_, context, request, sink) : unknown(info);
}

Status Registry::call_erased(const OperationInfo& info, const Context& context, void* request, void* answer)
{
    if (Status allowed = policy_.check(info, context); !allowed)
        return std::move(allowed.error());
    const Verb* verb = find(info);
    return verb && verb->call ? verb->call(guest_, context, request, answer) : unknown(info);
}

std::vector<Operations::Listed> Registry::list(const Context& context)
{
    std::vector<Listed> all;
    for (const Verb& verb : verbs)
        all.push_back({verb.info, bool(policy_.check(*verb.info, context))});
    return all;
}

}  // namespace bellhop::op
