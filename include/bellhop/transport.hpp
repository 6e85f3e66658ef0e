// SPDX-License-Identifier: Apache-2.0
// A transport makes links and hands them to a LinkSink; destroying it stops it. Errors of start() name the address.
#pragma once
#include <bellhop/link.hpp>
#include <bellhop/peer.hpp>
#include <bellhop/result.hpp>
#include <bellhop/store.hpp>

#include <memory>

namespace bellhop {

class LinkSink {
public:
    virtual ~LinkSink() = default;
    virtual void on_link(std::unique_ptr<ByteLink>, Peer) = 0;  // from the loop
    virtual void on_store(std::unique_ptr<Store>, Peer) {}
    virtual void on_trouble(const Error&) {}  // there is no link for now; the transport goes on trying
    virtual void on_over() {}                 // no more links will come: an inherited connection was its one
};

class Transport {
public:
    virtual ~Transport() = default;
    virtual Status start(LinkSink&) = 0;  // Kind::unsupported: this kernel has no such thing
};

}  // namespace bellhop
