// SPDX-License-Identifier: Apache-2.0
#include "dialect/nova/nova.hpp"

#include "dialect/nova/session.hpp"

namespace bellhop::nova {
namespace {

class NovaAgent final : public Dialect {
public:
    NovaAgent(std::string version, const Config& config) : version_(std::move(version)), config_(config) {}
    std::unique_ptr<StoreSession> open(Store& store, const Context& context) override
    {
        return std::make_unique<Session>(version_, config_, store, context);
    }

private:
    std::string version_;
    const Config& config_;
};

}  // namespace

std::unique_ptr<Dialect> make_dialect(std::string version, const Config& config)
{
    return std::make_unique<NovaAgent>(std::move(version), config);
}

}  // namespace bellhop::nova
