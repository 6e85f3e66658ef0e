// SPDX-License-Identifier: Apache-2.0
// A value, or what went wrong. No exceptions are used for what the world does.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>  // std::monostate

namespace bellhop {

// `kind` is what a dialect translates into its own words, `os` what the kernel said (none: it was not the kernel), `text` a
// sentence with the name of the thing in it.
struct Error {
    enum class Kind { bad_request, not_found, denied, unsupported, busy, too_big, timed_out, failed };
    Kind kind = Kind::failed;
    std::error_code os;
    std::string text;
};

// An Error, or none. On the heap, and by functions that are not inlined: what makes, moves and ends an Error would else be
// compiled into each function that has a Result.
class KeptError {
public:
    KeptError() = default;
    [[gnu::noinline]] explicit KeptError(Error&& error) : error_(new Error(std::move(error))) {}
    [[gnu::noinline]] explicit KeptError(const Error& error) : error_(new Error(error)) {}
    [[gnu::noinline]] KeptError(const KeptError& other) : error_(other.error_ ? new Error(*other.error_) : nullptr) {}
    KeptError(KeptError&&) = default;
    KeptError& operator=(KeptError other) noexcept
    {
        error_ = std::move(other.error_);
        return *this;
    }
    Error& operator*() const { return *error_; }

private:
    struct End {
        [[gnu::noinline]] void operator()(Error* error) const { delete error; }
    };
    std::unique_ptr<Error, End> error_;
};

template <class T> class [[nodiscard]] Result {
public:
    template <class U = T, class = std::enable_if_t<std::is_convertible_v<U&&, T>>> Result(U&& value)
        : value_(std::in_place, std::forward<U>(value))
    {
    }
    Result(Error&& error) : error_(std::move(error)) {}
    Result(const Error& error) : error_(error) {}

    explicit operator bool() const { return value_.has_value(); }
    T& operator*() { return *value_; }
    const T& operator*() const { return *value_; }
    T* operator->() { return &*value_; }
    const T* operator->() const { return &*value_; }
    Error& error() { return *error_; }  // only when there is no value
    const Error& error() const { return *error_; }

private:
    std::optional<T> value_;
    KeptError error_;
};

using Status = Result<std::monostate>;
inline Status done()
{
    return std::monostate{};
}

}  // namespace bellhop
