// SPDX-License-Identifier: Apache-2.0
// injectfile, and file_inject, which nova prefers where it is.
#include "base/base64.hpp"
#include "dialect/nova/command_rows.hpp"

#include <bellhop/op/inject_file.hpp>

namespace bellhop::nova {
namespace {

constexpr char not_base64[] = "Error doing base64 decoding of data";

void on_injected(Call& call, Result<op::InjectFile::Answer> injected)
{
    injected ? call.answer("") : call.fail(std::move(injected.error().text));
}

void injectfile(Call& call)  // base64 of PATH,DATA: both may be anything, but for a comma in the path
{
    std::string* text = call.value().string();
    if (!text || base64::decode(*text))
        return call.fail(not_base64);
    const std::size_t comma = text->find(',');
    if (comma == text->npos)
        return call.fail("There is no comma between path and data");
    call.ask<op::InjectFile>({text->substr(0, comma), text->substr(comma + 1)}, &on_injected);
}

void file_inject(Call& call)
{
    std::string texts[2];
    for (int i = 0; i < 2; ++i) {
        const json::Value* text = call.value().find(i == 0 ? "b64_path" : "b64_file");
        if (!text || !text->string() || base64::decode(texts[i] = *text->string()))
            return call.fail(not_base64);
    }
    call.ask<op::InjectFile>({std::move(texts[0]), std::move(texts[1])}, &on_injected);
}

}  // namespace

std::span<const Command> file_commands()
{
    static constexpr Command commands[] = {
        {"file_inject", &file_inject, &op::InjectFile::info},
        {"injectfile", &injectfile, &op::InjectFile::info},
    };
    return commands;
}

}  // namespace bellhop::nova
