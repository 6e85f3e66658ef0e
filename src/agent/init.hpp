// SPDX-License-Identifier: Apache-2.0
// The agent as process 1: what a kernel leaves to that one. It mounts what is missing, and in the end it ends all others and the
// machine: a kernel whose process 1 exits panics. In a container it exits, unless reboot(2) is asked for and permitted.
#pragma once
#include <chrono>
#include <string>
#include <vector>

namespace bellhop {

class Init {
public:
    Init();  // only as process 1, and before anything is opened: /dev may be one of the things that are missing
    Init(const Init&) = delete;

    const std::vector<std::string>& lacking() const { return lacking_; }  // a sentence each
    void on_signal(int number);                                           // one that ends us: it says what the end is to be
    void set_grace(std::chrono::milliseconds grace) { grace_ = grace; }   // of all others between SIGTERM and SIGKILL
    int end(int status);                                                  // the same status, if process 1 may exit here

private:
    bool machine_;  // it is ours; else we are in a container
    std::vector<std::string> lacking_;
    std::chrono::milliseconds grace_{2'000};
    int last_ = 0;  // for reboot(2); 0: nobody asked
};

}  // namespace bellhop
