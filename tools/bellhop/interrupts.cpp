// SPDX-License-Identifier: Apache-2.0
// signalfd(2). A signal that is ignored (nohup) stays so: it is not blocked.
#include "interrupts.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

namespace bellhop::tool {

Interrupts::Interrupts()
{
    sigset_t ours;
    ::sigemptyset(&ours);
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) {
        struct sigaction is;
        if (::sigaction(number, nullptr, &is) == 0 && is.sa_handler != SIG_IGN)
            ::sigaddset(&ours, number);
    }
    ::sigprocmask(SIG_BLOCK, &ours, &before_);
    fd_ = Fd(::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
}

Interrupts::~Interrupts()
{
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

void Interrupts::raise() const
{
    signalfd_siginfo told{};
    const ssize_t count = ::read(fd_.get(), &told, sizeof told);
    throw Interrupted{count == ssize_t(sizeof told) ? int(told.ssi_signo) : SIGTERM};
}

}  // namespace bellhop::tool
