// SPDX-License-Identifier: MIT
#include "uv/trim.h"

#include "uv/client.h"
#include "uv/collapse.h"
#include "uv/pump.h"

namespace pester::uv {

uint32_t client_close_idle(Client& client) {
  const core::Now now = client_now(client);
  uint32_t count = 0;
  for (Connection* connection = client.made; connection != nullptr; connection = connection->next_made) {
    if (connection->state != core::ConnectionState::idle) continue;
    client.engine.close(*connection, now.mono);
    ++count;
  }
  pump_after_call(client, now);
  return count;
}

size_t client_trim(Client& client) {
  (void)client_close_idle(client);
  client.trims = client.closed != nullptr;  // the pump will free them
  kept_release(client);
  client.spares.release(client.pool);
  client.pool.give({client.spare_parser, sizeof(wire::ResponseParser)});
  client.spare_parser = nullptr;
  if (client.resolver != nullptr) resolver_trim(client.resolver);
  tls_configurations_forget_sessions(client);
  const size_t bytes = client.pool.kept_bytes();
  client.pool.trim();
  return bytes;
}

void client_starved(void* data) {
  auto& client = *static_cast<Client*>(data);
  if (client.engine.counters().connections_idle == 0 || client.ending) return;
  client.chores |= chore::kCloseIdle;
  if (!client.inside) pump_soon(client);
}

}  // namespace pester::uv
