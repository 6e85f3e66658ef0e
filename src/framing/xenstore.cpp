// SPDX-License-Identifier: Apache-2.0
// A message that lies whole in the input is handed on where it lies, which is nearly all of them; only one that is cut is copied.
#include "framing/xenstore.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bellhop::xenstore {
namespace {

using Words = std::array<std::uint32_t, 4>;  // type, request, transaction, length
static_assert(sizeof(Words) == header_size);

struct Name {
    std::string_view name;
    int code;
};
constexpr Name names[] = {
    {"E2BIG", E2BIG},   {"EACCES", EACCES},       {"EAGAIN", EAGAIN}, {"EBUSY", EBUSY},   {"EEXIST", EEXIST}, {"EINVAL", EINVAL},
    {"EIO", EIO},       {"EISCONN", EISCONN},     {"EISDIR", EISDIR}, {"ENOENT", ENOENT}, {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC},
    {"ENOSYS", ENOSYS}, {"ENOTEMPTY", ENOTEMPTY}, {"EPERM", EPERM},   {"EQUOTA", EDQUOT}, {"EROFS", EROFS},
};

Words header_of(std::string_view bytes)
{
    Words words;
    std::memcpy(words.data(), bytes.data(), sizeof words);
    return words;
}

void move_front(ByteView& from, std::string& to, std::size_t size)  // until `to` has that size, or `from` none
{
    const std::size_t count = std::min(size - std::min(size, to.size()), from.size());
    to += text_of(from.first(count));
    from = from.subspan(count);
}

}  // namespace

Result<std::optional<Message>> Reader::next(ByteView& input)
{
    if (std::exchange(handed_on_, false))
        std::string().swap(part_);
    const bool whole = part_.empty() && input.size() >= header_size;
    if (!whole) {
        move_front(input, part_, header_size);
        if (part_.size() < header_size)
            return std::optional<Message>();
    }
    const auto [type, request, transaction, length] = header_of(whole ? text_of(input) : part_);
    if (length > max_heard)
        return Error{Error::Kind::too_big, {}, "a xenstored sent a message of " + std::to_string(length) + " bytes"};
    const std::size_t size = header_size + length;
    std::string_view bytes;
    if (whole && input.size() >= size) {
        bytes = text_of(input.first(size));
        input = input.subspan(size);
    } else {
        move_front(input, part_, size);
        if (part_.size() < size)
            return std::optional<Message>();
        bytes = part_;
        handed_on_ = true;
    }
    return std::optional<Message>({{static_cast<Type>(type), request, transaction}, bytes.substr(header_size)});
}

Result<std::string> message(Header header, std::initializer_list<std::string_view> words, std::string_view rest,
                            std::size_t longest)
{
    std::size_t length = rest.size();
    for (std::string_view word : words) {
        if (word.find('\0') != word.npos)
            return Error{Error::Kind::bad_request, std::make_error_code(std::errc::invalid_argument), "a NUL in a store's path"};
        length += word.size() + 1;
    }
    if (length > longest)
        return Error{Error::Kind::too_big, std::make_error_code(std::errc::argument_list_too_long),
                     std::to_string(length) + " bytes for a store, whose messages have " + std::to_string(longest) + " at most"};
    const Words begin{std::uint32_t(header.type), header.request, header.transaction, std::uint32_t(length)};
    std::string bytes;
    bytes.reserve(header_size + length);
    bytes.append(reinterpret_cast<const char*>(begin.data()), sizeof begin);
    for (std::string_view word : words)
        bytes.append(word).push_back('\0');
    return bytes.append(rest);
}

std::string_view first_word(std::string_view payload)
{
    return payload.substr(0, payload.find('\0'));
}

std::vector<std::string> words_of(std::string_view payload)
{
    std::vector<std::string> words;
    while (!payload.empty()) {
        const std::string_view word = first_word(payload);
        if (!word.empty())
            words.emplace_back(word);
        payload.remove_prefix(std::min(word.size() + 1, payload.size()));
    }
    return words;
}

Event event_of(std::string_view payload)
{
    const std::string_view path = first_word(payload);
    return {path, first_word(payload.substr(std::min(path.size() + 1, payload.size())))};
}

Part part_of(std::string_view payload)
{
    const std::string_view generation = first_word(payload);
    std::string_view listed = payload.substr(std::min(generation.size() + 1, payload.size()));
    const bool last = listed.empty() || listed == std::string_view("\0", 1) || listed.ends_with(std::string_view("\0\0", 2));
    if (last && !listed.empty())
        listed.remove_suffix(1);
    return {generation, listed, last};
}

std::error_code code_of(std::string_view name)
{
    const auto at = std::find_if(std::begin(names), std::end(names), [name](const Name& one) { return one.name == name; });
    return {at == std::end(names) ? EINVAL : at->code, std::system_category()};
}

}  // namespace bellhop::xenstore
