// SPDX-License-Identifier: Apache-2.0
#include "dialect/qga/streams.hpp"

#include "base/base64.hpp"

#include <algorithm>

namespace bellhop::qga {

void Parts::text(std::string_view more)
{
    if (parts_.empty() || parts_.back().spool)
        parts_.emplace_back();
    parts_.back().text += more;
}

void Parts::base64(std::shared_ptr<const Spool> spool, std::uint64_t from, std::size_t count)
{
    parts_.push_back({"\"", std::move(spool), from, count});
    text("\"");
}

bool Parts::next(std::string& out)
{
    for (std::size_t room = piece_size; first_ < parts_.size();) {
        Part& part = parts_[first_];
        out += part.text;
        part.text.clear();
        if (part.count > 0 && room < 3)
            return true;
        if (part.count > 0) {
            piece_.resize(std::min({part.count, room - room % 3, piece_size}));
            const std::size_t n = part.spool->read(part.from, piece_.bytes());
            base64::encode(out, piece_.bytes().first(n));
            part.from += n;
            part.count = n < piece_.size() ? 0 : part.count - n;
            room -= n;
        }
        if (part.count == 0)
            ++first_;
    }
    return false;
}

}  // namespace bellhop::qga
