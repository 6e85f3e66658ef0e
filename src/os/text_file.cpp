// SPDX-License-Identifier: Apache-2.0
// open(2), read(2), readdir(3). O_NONBLOCK: a FIFO in a file's place must not hold us.
#include "os/text_file.hpp"

#include "base/heap_sort.hpp"
#include "os/errors.hpp"

#include <bellhop/fd.hpp>

#include <climits>

#include <algorithm>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

namespace bellhop::os {

Result<std::string> text_of_file(const std::string& path, std::size_t most)
{
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file)
        return failure("cannot open " + path);
    std::string text;
    char part[4096];
    while (text.size() < most) {
        const ssize_t n = ::read(file.get(), part, std::min(sizeof part, most - text.size()));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failure("cannot read " + path);
        if (n == 0)
            break;
        text.append(part, std::size_t(n));
    }
    return text;
}

std::string first_line(const std::string& path)
{
    Result<std::string> text = text_of_file(path);
    if (!text)
        return {};
    text->resize(std::min(text->size(), text->find('\n')));
    return std::move(*text);
}

Status order(const std::string& path, std::string_view text)
{
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!file)
        return failure("cannot open " + path);
    if (::write(file.get(), text.data(), text.size()) < 0)
        return failure("cannot write " + path);
    return done();
}

std::vector<std::string> names_in(const std::string& directory)
{
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
    while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr)
        if (entry->d_name[0] != '.')
            names.emplace_back(entry->d_name);
    heap_sort(names, [](const std::string& a, const std::string& b) { return ::strverscmp(a.c_str(), b.c_str()) < 0; });
    return names;
}

std::string name_behind(const std::string& link)
{
    char target[PATH_MAX];
    const ssize_t length = ::readlink(link.c_str(), target, sizeof target);
    const std::string_view path(target, length > 0 ? std::size_t(length) : 0);
    return std::string(path.substr(path.find_last_of('/') + 1));
}

std::string_view next_line(std::string_view& text)
{
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    return line;
}

std::string_view value_in(std::string_view text, std::string_view key)
{
    while (!text.empty()) {
        const std::string_view line = next_line(text);
        if (line.starts_with(key) && line.substr(key.size()).starts_with('='))
            return line.substr(key.size() + 1);
    }
    return {};
}

std::string_view next_word(std::string_view& line)
{
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t")));
    const std::string_view word = line.substr(0, line.find_first_of(" \t"));
    line.remove_prefix(word.size());
    return word;
}

}  // namespace bellhop::os
