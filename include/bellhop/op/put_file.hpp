// SPDX-License-Identifier: Apache-2.0
// put_file: write a file beside its target and put it in the target's place when it is whole. Job::input() takes the bytes,
// end_input() publishes; dropping the job before leaves the target as it was.
#pragma once
#include <bellhop/context.hpp>

#include <optional>
#include <string>

namespace bellhop::op {

struct PutFile {
    static constexpr OperationInfo info{"put_file", "write a file", true};
    struct Request {
        std::string path;              // relative: to the agent's working directory
        std::string name;              // if `path` is a directory: the last component of this, within it
        std::optional<unsigned> mode;  // permission bits; none: 0600
    };
};

}  // namespace bellhop::op
