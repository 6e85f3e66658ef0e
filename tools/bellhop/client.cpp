// SPDX-License-Identifier: Apache-2.0
#include "client.hpp"

#include "frames_client.hpp"
#include "nova_client.hpp"
#include "qga_client.hpp"

namespace bellhop::tool {

std::unique_ptr<Client> make_client(Address address, Limits limits)
{
    if (address.dialect == "qga")
        return std::make_unique<QgaClient>(std::move(address), limits);
    if (address.dialect == "nova")
        return std::make_unique<NovaClient>(std::move(address), limits);
    return std::make_unique<FramesClient>(std::move(address), limits);
}

}  // namespace bellhop::tool
