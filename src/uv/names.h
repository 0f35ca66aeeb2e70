// SPDX-License-Identifier: MIT
// Where a client takes the names it cannot resolve by itself: to its user's hook, or to DNS servers
// through c-ares. Refuses to know who waits for them.
#ifndef PESTER_UV_NAMES_H_
#define PESTER_UV_NAMES_H_

#include "uv/resolver.h"

namespace pester::uv {

struct Client;

// What the resolver of such a client is to be made with.
[[nodiscard]] Elsewhere names_elsewhere(Client& client);
// From the pump: asks what is to be asked.
void names_ask(Client& client);
// `names_due` is over.
void names_expire(Client& client, core::Now now);
// Nobody asks any more.
void names_end(Client& client);

}  // namespace pester::uv

#endif
