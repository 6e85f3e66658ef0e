// SPDX-License-Identifier: Apache-2.0
// Our own stdout and stderr. Unbuffered: what the guest's command prints is seen when it prints it.
#pragma once
#include <bellhop/bytes.hpp>

#include <string>

namespace bellhop::tool {

void hold_standard_descriptors();  // a closed 0, 1 or 2 must not become a socket
void write_all(int fd, ByteView bytes,
               const std::string& name);                          // throws Failure; a reader that has gone ends us quietly
void say(const std::string& line);                                // to stdout, with a newline
void complain(const std::string& text, const std::string& hint);  // to stderr

}  // namespace bellhop::tool
