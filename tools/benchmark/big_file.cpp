// SPDX-License-Identifier: Apache-2.0
// Written, not truncated to size: a hole would be read from the kernel's zero page.
#include "big_file.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace bellhop::benchmark {

BigFile::BigFile(const Settings& settings, const std::string& name, State state) : path_(settings.files + '/' + name)
{
    if (state == absent)
        return;
    const Fd file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const std::string chunk(1 << 20, 'b');
    for (std::uint64_t left = settings.big; left > 0; left -= chunk.size())
        if (::write(file.get(), chunk.data(), chunk.size()) != ssize_t(chunk.size())) {
            remove();
            throw system_failure(path_);
        }
}

void BigFile::remove() const
{
    ::unlink(path_.c_str());
}

}  // namespace bellhop::benchmark
