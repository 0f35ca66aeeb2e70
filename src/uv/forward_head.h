// SPDX-License-Identifier: MIT
// The head of a request that an HTTP proxy forwards: the same but for the whole URL in its first line
// (RFC 9112 §3.2.2) and the proxy's credentials. Refuses to know connections.
#ifndef PESTER_UV_FORWARD_HEAD_H_
#define PESTER_UV_FORWARD_HEAD_H_

#include "uv/origins.h"
#include "wire/memory.h"

namespace pester::uv {

// Makes it of `head`, a whole one as the origin itself would get it. A request that brings a
// Proxy-Authorization keeps its own. False when memory is out.
[[nodiscard]] bool make_forwarded(wire::Bytes& head, wire::BlockPool& pool, const Origin& origin);

}  // namespace pester::uv

#endif
