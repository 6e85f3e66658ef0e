// SPDX-License-Identifier: Apache-2.0
// Nothing outlives a connection in this dialect, so it is a factory with options.
#include "dialect/frames/answers.hpp"
#include "dialect/frames/session.hpp"

namespace bellhop::frames {
namespace {

class Frames final : public Dialect {
public:
    explicit Frames(Options options) : options_(std::move(options)) {}
    std::unique_ptr<ChannelSession> open(Outbox& outbox, const Context& context) override
    {
        return std::make_unique<Session>(options_, outbox, context);
    }
    std::string refusal(const Error& error) override { return frame_of(error_answer(error.text)); }

private:
    Options options_;
};

}  // namespace

std::unique_ptr<Dialect> make_dialect(Options options)
{
    return std::make_unique<Frames>(std::move(options));
}

}  // namespace bellhop::frames
