// SPDX-License-Identifier: Apache-2.0
#include "base/os_text.hpp"
#include "support/catch.hpp"

#include <cerrno>
#include <cstdlib>

namespace bellhop::test {

std::string said(int number)
{
    return os_text({number, std::system_category()});
}

TEST_CASE("the words for an errno are those of glibc, whatever the C library")
{
    CHECK(said(ESPIPE) == "Illegal seek");
    CHECK(said(EMFILE) == "Too many open files");
    CHECK(said(ENOENT) == "No such file or directory");
#ifdef __GLIBC__
    for (int number = 1; number < 134; ++number)
        CHECK(said(number) == std::system_category().message(number));
#endif
}

}  // namespace bellhop::test
