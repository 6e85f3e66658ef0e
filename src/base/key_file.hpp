// SPDX-License-Identifier: Apache-2.0
// Key files by GKeyFile's rules: [group] lines, key=value lines, '#' comments and empty lines; blanks around '=' do not count;
// groups may come again, and of a key that comes again the last counts. In values \s \n \t \r \\ stand for what they look like,
// and ';' separates a list's items (\; is one within an item).
#pragma once
#include <bellhop/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace bellhop::key_file {

struct Entry {
    std::string group, key, value;  // the value as it is written
    int line = 0;
};
// In the order they came, repeated ones included. An Error names the line.
Result<std::vector<Entry>> parse(std::string_view text);

Result<std::string> plain(std::string_view value);              // without escapes
Result<std::vector<std::string>> list(std::string_view value);  // a last empty item does not count

}  // namespace bellhop::key_file
