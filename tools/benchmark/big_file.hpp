// SPDX-License-Identifier: Apache-2.0
// A file of the big size on tmpfs that goes with its object, whoever wrote it.
#pragma once

#include "bench.hpp"

namespace bellhop::benchmark {

class BigFile {
public:
    enum State { filled, absent };
    BigFile(const Settings&, const std::string& name, State);
    ~BigFile() { remove(); }
    BigFile(const BigFile&) = delete;
    const std::string& path() const { return path_; }
    void remove() const;

private:
    std::string path_;
};

}  // namespace bellhop::benchmark
