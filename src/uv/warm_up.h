// SPDX-License-Identifier: MIT
// Connections opened ahead of the requests that will use them, and the word of what came of them, which
// the pump brings. Refuses to decide how many there may be: the engine does.
#ifndef PESTER_UV_WARM_UP_H_
#define PESTER_UV_WARM_UP_H_

#include <cstdint>
#include <string_view>

#include "core/types.h"
#include "core/why.h"
#include "uv/way.h"
#include "wire/memory.h"
#include "wire/url.h"

namespace pester::uv {

struct Client;
struct Connection;

struct WarmUp {
  // Told once, from the pump, of a copy that nobody else knows; nullptr: nobody asks.
  void (*done)(const WarmUp& it) = nullptr;
  void (*user_done)() = nullptr;  // of whoever asked; for `done`, which knows its true type
  void* data = nullptr;
  wire::Block block;
  WarmUp* next = nullptr;  // among those that are over
  uint32_t begun = 0, ready = 0, pending = 0;
  int error = 0;  // the first
  core::Why why;  // its text
};

struct WarmUpPlan {
  const Way* way = nullptr;  // nullptr: the client's
  bool tunnels = false;      // through an HTTP proxy, whatever the scheme
  uint32_t wanted = 1;
  core::Duration connect_timeout{};
};

// Begins what is missing to so many connections to the URL's origin that idle or are on their way.
// `ask` says who is told; it is copied. UV_ENOMEM, PESTER_ECLOSING: then nobody is.
[[nodiscard]] int warm_up(Client& client, const wire::Url& url, const WarmUpPlan& plan,
                          const WarmUp& ask);
// From the pump: those that are over.
void warm_ups_tell(Client& client);

// ---- of a connection whose `warm_up` is set
void warm_up_ready(Connection& connection);
void warm_up_failed(Connection& connection, int error);
void warm_up_detail(Connection& connection, std::string_view text);

}  // namespace pester::uv

#endif
