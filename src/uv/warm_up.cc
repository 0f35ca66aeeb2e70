// SPDX-License-Identifier: MIT
#include "uv/warm_up.h"

#include <new>

#include "uv/client.h"
#include "uv/pump.h"

namespace pester::uv {

namespace {

// Takes its place among those that the pump tells.
void end(Client& client, WarmUp& it) {
  WarmUp** link = &client.warmed;
  while (*link != nullptr) link = &(*link)->next;
  *link = &it;
  if (client.tells_warm_ups) return;
  client.chores |= chore::kWarmUps;
  if (!client.inside) pump_soon(client);
}

// One of its connections is no longer its.
void part(Connection& connection) {
  WarmUp& it = *connection.warm_up;
  connection.warm_up = nullptr;
  if (--it.pending == 0) end(*connection.client, it);
}

void begin_one(Client& client, Origin& origin, WarmUp* it, const WarmUpPlan& plan, core::Now now) {
  Connection* const connection = connection_make_warm(client, *it);
  if (connection == nullptr) {
    if (it->error == 0) it->error = UV_ENOMEM;
    return;
  }
  ++it->begun;
  ++it->pending;
  client.engine.warm_began(origin, *connection, plan.connect_timeout, now.mono);
  connection_dial_warm(*connection, now);
}

}  // namespace

int warm_up(Client& client, const wire::Url& url, const WarmUpPlan& plan, const WarmUp& ask) {
  if (client.closing) return PESTER_ECLOSING;
  Route* route = nullptr;
  if (route_by(client, plan.way, plan.tunnels, url, false, &route) != 0) return UV_ENOMEM;
  Origin* const origin = client.origins.get(client.pool, url, route);
  route_leave(route);
  const wire::Block block = origin != nullptr ? client.pool.take(sizeof(WarmUp)) : wire::Block{};
  if (block.at == nullptr) return UV_ENOMEM;
  auto* const it = ::new (block.at) WarmUp(ask);
  it->block = block;
  it->pending = 1;  // this call's
  ++client.wakes;
  ++origin->requests;
  const core::Now now = client_now(client);
  const uint32_t count = client.engine.room_to_warm(*origin, plan.wanted);
  for (uint32_t i = 0; i < count; ++i) begin_one(client, *origin, it, plan, now);
  --origin->requests;
  if (--it->pending == 0) end(client, *it);
  pump_after_call(client, now);
  return 0;
}

void warm_ups_tell(Client& client) {
  WarmUp* rest = client.warmed;
  client.warmed = nullptr;
  client.tells_warm_ups = true;
  while (WarmUp* const it = rest) {
    rest = it->next;
    const WarmUp told = *it;
    client.pool.give(it->block);
    --client.wakes;
    if (told.done != nullptr) told.done(told);
  }
  client.tells_warm_ups = false;
  if (client.warmed == nullptr) return;
  // Who opens the next from within the callback of the last has its turn after the loop's.
  if (client.closing) {
    client.chores |= chore::kWarmUps;
  } else {
    pump_next_turn(client);
  }
}

void warm_up_ready(Connection& connection) {
  ++connection.warm_up->ready;
  part(connection);
}

void warm_up_failed(Connection& connection, int error) {
  if (connection.warm_up->error == 0) connection.warm_up->error = error;
  part(connection);
}

void warm_up_detail(Connection& connection, std::string_view text) {
  if (connection.warm_up->error != 0) return;
  connection.warm_up->why.clear();
  connection.warm_up->why.add(text);
}

}  // namespace pester::uv
