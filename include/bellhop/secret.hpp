// SPDX-License-Identifier: Apache-2.0
// A text that is wiped when it goes: a password, on its way through. What it was made of (a request's buffer) is its maker's.
#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace bellhop {

inline void wipe(std::string& text)  // all that its memory may still hold; then it is empty
{
    text.resize(text.capacity());
    for (volatile char& c : text)
        c = 0;
    text.clear();
}

class Secret {
public:
    Secret() = default;
    explicit Secret(std::string&& text) : text_(std::move(text)) { wipe(text); }  // a short text was copied
    Secret(Secret&& other) noexcept : Secret(std::move(other.text_)) {}
    Secret& operator=(Secret&& other) noexcept
    {
        text_.swap(other.text_);
        wipe(other.text_);
        return *this;
    }
    ~Secret() { wipe(text_); }
    std::string_view view() const { return text_; }

private:
    std::string text_;
};

}  // namespace bellhop
