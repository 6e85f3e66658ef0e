// SPDX-License-Identifier: Apache-2.0
#include "dialect/qga/qga.hpp"

#include "dialect/qga/session.hpp"

namespace bellhop::qga {
namespace {

class GuestAgent final : public Dialect {
public:
    GuestAgent(std::string version, const Config& config, const Context& own) : state_(std::move(version), config, own) {}
    std::unique_ptr<ChannelSession> open(Outbox& outbox, const Context& context) override
    {
        return std::make_unique<Session>(state_, outbox, context);
    }

private:
    State state_;
};

}  // namespace

std::unique_ptr<Dialect> make_dialect(std::string version, const Config& config, const Context& own)
{
    return std::make_unique<GuestAgent>(std::move(version), config, own);
}

}  // namespace bellhop::qga
