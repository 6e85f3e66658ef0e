// SPDX-License-Identifier: Apache-2.0
// bellhop-agent in the place of QEMU's guest agent, so that the units, images and scripts that start qemu-ga start it: the same
// options, configuration file, messages and exit statuses (0 and 1), and one endpoint, of dialect qga.
#pragma once

namespace bellhop {

class Init;

namespace qemu_ga {

// Called qemu-ga (a link to bellhop-agent), or `bellhop-agent qemu-ga ...`: then the words before its options are taken away.
bool is_meant(int& argc, char**& argv);
int serve(int argc, char** argv, Init*);  // the exit status

}  // namespace qemu_ga
}  // namespace bellhop
