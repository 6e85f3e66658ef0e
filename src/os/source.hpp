// SPDX-License-Identifier: Apache-2.0
// The two sources there are: a child's pipe (spliced) and a regular file (sendfile). Both fall back to copying through the
// loop's chunk when the link cannot take a descriptor, so a Channel never asks which kind it has.
#pragma once
#include <bellhop/fd.hpp>
#include <bellhop/source.hpp>

#include <vector>

namespace bellhop::os {

class PipeSource : public Source {
public:
    PipeSource(Fd pipe, Chunk chunk) : pipe_(std::move(pipe)), chunk_(chunk) {}
    std::size_t available() const override { return ready_ - promised_; }
    ByteView take(std::size_t most) override;
    void promise(std::size_t count) override;
    std::size_t move_to(ByteLink&, std::size_t most, ByteLink::More, std::error_code&) override;

protected:
    static constexpr std::size_t grown_size = 1 << 20;
    int descriptor() const { return pipe_.get(); }
    std::size_t promised() const { return promised_; }
    enum class Ask { amount, end_too };
    void look(Ask);                              // how much is there; and, at the price of another call, can more come?
    bool roomy() const { return roomy_; }        // it has been made larger
    bool complete() const { return complete_; }  // no writer is left: what is there now is all there will ever be
    virtual void on_spoken_for(std::size_t) {}   // taken or promised: the dialect has it
    virtual void on_moved() {}                   // every promise is kept: look again

private:
    std::size_t copy_to(ByteLink&, std::size_t most, ByteLink::More, std::error_code&);

    Fd pipe_;
    Chunk chunk_;
    bool complete_ = false, grown_ = false, roomy_ = false;
    std::size_t ready_ = 0, promised_ = 0;  // ready_ counts promised bytes, and those in left_
    std::vector<std::byte> left_;           // read from the pipe but not taken by the link: only where splice is refused
};

class FileSource final : public Source {
public:
    FileSource(Fd file, std::uint64_t size, Chunk chunk) : file_(std::move(file)), end_(size), chunk_(chunk) {}
    std::size_t available() const override { return end_ - promised_to_; }
    ByteView take(std::size_t most) override;
    void promise(std::size_t count) override;
    std::size_t move_to(ByteLink&, std::size_t most, ByteLink::More, std::error_code&) override;

private:
    std::size_t copy_to(ByteLink&, std::size_t most, ByteLink::More, std::error_code&);

    Fd file_;
    std::uint64_t at_ = 0, promised_to_ = 0, end_;
    Chunk chunk_;
};

}  // namespace bellhop::os
