// SPDX-License-Identifier: MIT
// A request that asks for another protocol, by Upgrade or by CONNECT: how its responses are read, and
// which of them ends HTTP on its connection. Refuses to know what comes after (uv/stream.h).
#ifndef PESTER_UV_UPGRADE_H_
#define PESTER_UV_UPGRADE_H_

#include <string_view>

#include "core/types.h"
#include "uv/connection.h"
#include "wire/memory.h"

namespace pester::uv {

// Hangs from Request::rare. A block of its own, whose size is its maker's to choose.
struct Upgrade {
  wire::Block block;
  std::string_view asked;             // protocols, as the head has them; empty: CONNECT
  pester_stream_s* stream = nullptr;  // what came of it: then the request is done, and on_done is due
};

// Tells the parser what to expect, and what to let pass.
void upgrade_prepare(const Request& request, wire::ResponseParser* parser);
// Looks at a head: one that ends HTTP must do so as it was asked to. False: the exchange has failed.
[[nodiscard]] bool upgrade_take_head(Connection& connection, core::Lane& lane, core::Now now);
// Whatever came behind the head is put into `pending`; false when memory is out.
[[nodiscard]] bool upgrade_keep_unread(Connection& connection);

}  // namespace pester::uv

#endif
