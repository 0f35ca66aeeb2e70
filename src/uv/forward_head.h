// SPDX-License-Identifier: MIT
// The head of a request that an HTTP proxy forwards: the same but for the whole URL in its first line
// (RFC 9112 §3.2.2) and the proxy's credentials. Refuses to know connections.
#ifndef PESTER_UV_FORWARD_HEAD_H_
#define PESTER_UV_FORWARD_HEAD_H_

#include <string_view>

#include "uv/origins.h"
#include "wire/memory.h"

namespace pester::uv {

// Appends `plain`, a whole head as the origin itself would get it, to `head`. A request that brings a
// Proxy-Authorization keeps its own. False when memory is out.
[[nodiscard]] bool append_forwarded(wire::Bytes& head, wire::BlockPool& pool, std::string_view plain,
                                    const Origin& origin);

}  // namespace pester::uv

#endif
