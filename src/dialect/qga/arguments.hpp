// SPDX-License-Identifier: Apache-2.0
// The arguments of one request, read strictly and complained of in qemu-ga's words. Read all of them, in the order of QEMU's
// schema, then ask wrong() before anything is done: the first complaint wins, then the first member that nobody asked for.
#pragma once
#include "base/json.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bellhop::qga {

class Arguments {
public:
    explicit Arguments(json::Members members, std::string path = {});  // path: "vcpus[0]." for the members of an element

    // Of what is missing or of the wrong type they give a default, and wrong() says so.
    std::int64_t integer(std::string_view name);
    std::optional<std::int64_t> maybe_integer(std::string_view name);
    std::uint64_t large(std::string_view name);  // uint64
    bool boolean(std::string_view name);
    std::optional<bool> maybe_boolean(std::string_view name);
    std::string string(std::string_view name);
    std::optional<std::string> maybe_string(std::string_view name);
    std::vector<std::string> strings(std::string_view name);
    std::optional<std::vector<std::string>> maybe_strings(std::string_view name);
    std::vector<Arguments*> structures(std::string_view name);    // each checked by this one's wrong(), too
    std::optional<json::Value> maybe_any(std::string_view name);  // an alternate: of several types
    // One of `values`, as its index.
    std::optional<std::size_t> maybe_choice(std::string_view name, std::initializer_list<std::string_view> values);

    void bad_type(std::string_view name, std::string_view expected);
    void bad_value(std::string_view name, std::string_view value);  // "Parameter 'whence' does not accept value 'foo'"
    std::optional<std::string> wrong();                             // the desc of an error of class GenericError

private:
    struct Member {
        std::string name;
        json::Value value;
        bool asked = false;
    };
    json::Value* find(std::string_view name);
    void missing(std::string_view name);
    void complain(std::string text);
    std::vector<std::string> strings_of(std::string_view name, json::Value&);

    std::string path_;
    std::vector<Member> members_;
    std::vector<std::unique_ptr<Arguments>> elements_;
    std::optional<std::string> complaint_;
};

}  // namespace bellhop::qga
