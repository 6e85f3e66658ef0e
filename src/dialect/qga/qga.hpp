// SPDX-License-Identifier: Apache-2.0
// The language of QEMU's guest agent: what libvirt, virsh and Proxmox speak. docs/dialects/qga.md.
#pragma once
#include <bellhop/config.hpp>
#include <bellhop/dialect.hpp>

#include <memory>
#include <string>

namespace bellhop::qga {

// The config and the context outlive the dialect.
std::unique_ptr<Dialect> make_dialect(std::string version, const Config&, const Context& own);

}  // namespace bellhop::qga
