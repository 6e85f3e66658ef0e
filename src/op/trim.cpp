// SPDX-License-Identifier: Apache-2.0
#include "os/trim.hpp"

#include "op/child_answer.hpp"
#include "op/jobs.hpp"
#include "os/mounts.hpp"

namespace bellhop::op {
namespace {

constexpr std::chrono::minutes trim_limit{60};  // a large disk takes its time

Result<json::Value> trim_all(const std::string& root, std::uint64_t minimum)
{
    const Result<std::vector<os::Mount>> mounts = os::disk_mounts(root);
    if (!mounts)
        return mounts.error();
    json::Array all;
    for (const os::Mount& mount : *mounts) {
        const Result<os::Trimmed> one = os::trim(root + mount.directory, minimum);
        all.emplace_back(mount.directory);
        all.emplace_back(one ? std::string() : one.error().text);
        all.emplace_back(one ? one->bytes : 0);
        all.emplace_back(one ? one->minimum : 0);
    }
    return json::Value(std::move(all));
}

Trim::Answer read_trimmed(Fields fields)
{
    Trim::Answer answer;
    while (fields.more()) {
        Trim::Trimmed& one = answer.all.emplace_back();
        one.directory = fields.text();
        one.error = fields.text();
        one.bytes = fields.number<std::uint64_t>();
        one.minimum = fields.number<std::uint64_t>();
    }
    return answer;
}

}  // namespace

Begun ask_trim(Guest& guest, const Context& context, Trim::Request request, Then<Trim> then)
{
    const std::string& root = guest.facts.config.root;
    return ask_child<Trim>(
        guest, context, trim_limit, [&] { return trim_all(root, request.minimum); }, &read_trimmed, std::move(then));
}

}  // namespace bellhop::op
