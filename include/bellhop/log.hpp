// SPDX-License-Identifier: Apache-2.0
// Where the agent's lines go. Only the agent layer writes above debug, once for each failure, with the peer's name; the layers
// below return an Error. No secret is ever part of a line.
#pragma once
#include <string_view>

namespace bellhop {

class Log {
public:
    enum class Level { error, warning, info, debug };
    virtual ~Log() = default;
    virtual bool wants(Level) const = 0;
    virtual void write(Level, std::string_view line) = 0;  // without a newline; never blocks, never throws
    virtual void hush(bool) {}  // while file systems are frozen: writing to a file would block until the thaw
};

}  // namespace bellhop
