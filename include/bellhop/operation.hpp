// SPDX-License-Identifier: Apache-2.0
// The guest's verbs, in nobody's dialect. Call: answered at once, on the stack. Question: takes time (a helper program, a mount
// that hangs), answered once. Job: takes time, reports to a JobSink.
// An operation is a type: `struct Run { static constexpr OperationInfo info; struct Request; };` and, but for a job, `Answer`.
#pragma once
#include <bellhop/bytes.hpp>
#include <bellhop/channel.hpp>
#include <bellhop/result.hpp>
#include <bellhop/source.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

namespace bellhop {

struct OperationInfo {
    std::string_view name, summary;
    bool changes_guest = true;
};

enum class Stream : std::uint8_t { out, err };

struct ResourceUsage {  // getrusage(2), of one child
    std::chrono::microseconds user{}, system{};
    std::array<long, 14> counts{};  // ru_maxrss … ru_nivcsw, in the order of the man page
};

struct ExitStatus {  // one truthful record; each dialect prints the part it knows
    enum class How { exited, signaled, timed_out } how = How::exited;
    int code = 0;             // exit code or signal number
    bool core = false;        // it dumped core
    bool oom = false;         // killed, not by us, and the kernel counted an out-of-memory kill meanwhile
    bool pipes_open = false;  // a grandchild still held an output when we answered
    std::chrono::microseconds wall{};
    ResourceUsage usage;
};

class JobSink {
public:
    virtual ~JobSink() = default;
    // available() > 0: take, promise, or hold the job; who does none of these is held. Not repeated for a stream while promised
    // bytes of it have yet to leave.
    virtual void on_output(Stream, const std::shared_ptr<Source>&) {}
    virtual void on_input_room() {}  // after input() said full
    // A command itself is gone, and not all that it wrote was taken: while it is held, or its bytes wait, it counts as running.
    virtual void on_leader_exit() {}
    virtual void on_end(Result<ExitStatus>) = 0;  // last, and never from inside start() or a call to the job
};

// Whoever holds it keeps what was begun alive. Dropping it ends all of it (a command's whole group, a half-written file), and is
// allowed at any time, also from inside the calls that report; nothing is reported then.
class Lease {
public:
    virtual ~Lease() = default;
};

class Job : public Lease {
public:
    virtual void hold(bool) {}                      // stop reading: the child blocks, we do not grow
    virtual Status signal(int) = 0;                 // signal(7), to the whole group
    virtual Outbox::Room input(ByteView) = 0;       // copied or used up; full: stop, on_input_room() says when to go on
    virtual void end_input() = 0;                   // after all that was given to input()
    virtual std::int64_t pid() const { return 0; }  // of a command; 0: it does not run (yet), or it is none
};

}  // namespace bellhop
