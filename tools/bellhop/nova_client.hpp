// SPDX-License-Identifier: Apache-2.0
// nova: requests and answers that lie in XenStore, for a domain of this host.
#pragma once
#include "client.hpp"

namespace bellhop::tool {

class NovaClient final : public Client {
public:
    NovaClient(Address address, Limits limits) : address_(std::move(address)), limits_(limits) {}
    json::Value ping() const override;
    json::Value info() const override;
    json::Value run(const RunRequest& request, const std::function<void(Stream, ByteView)>& on_output) const override;
    void put(const PutRequest& request, int file, const std::function<void(std::size_t)>& on_sent) const override;
    FileFacts get(const std::string& path, const std::function<void(const FileFacts&)>& on_facts,
                  const std::function<void(ByteView)>& on_data) const override;
    CallAnswer call(const CallRequest& request) const override;
    void set_password(const std::string& user, const Secret& password) const override;

private:
    Address address_;
    Limits limits_;
};

}  // namespace bellhop::tool
