// SPDX-License-Identifier: Apache-2.0
// A value, or what went wrong. No exceptions are used for what the world does.
#pragma once
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

namespace bellhop {

// `kind` is what a dialect translates into its own words, `os` what the kernel said (none: it was not the kernel), `text` a
// sentence with the name of the thing in it.
struct Error {
    enum class Kind { bad_request, not_found, denied, unsupported, busy, too_big, timed_out, failed };
    Kind kind = Kind::failed;
    std::error_code os;
    std::string text;
};

template <class T> class [[nodiscard]] Result {
public:
    template <class U = T, class = std::enable_if_t<std::is_convertible_v<U&&, T>>> Result(U&& value)
        : either_(std::in_place_index<0>, std::forward<U>(value))
    {
    }
    Result(Error error) : either_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return either_.index() == 0; }
    T& operator*() { return *std::get_if<0>(&either_); }
    const T& operator*() const { return *std::get_if<0>(&either_); }
    T* operator->() { return std::get_if<0>(&either_); }
    const T* operator->() const { return std::get_if<0>(&either_); }
    Error& error() { return *std::get_if<1>(&either_); }  // only when there is no value
    const Error& error() const { return *std::get_if<1>(&either_); }

private:
    std::variant<T, Error> either_;
};

using Status = Result<std::monostate>;
inline Status done()
{
    return std::monostate{};
}

}  // namespace bellhop
