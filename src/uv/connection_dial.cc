// SPDX-License-Identifier: MIT
// How a connection comes about: the lookup, the order of the addresses, TCP. Refuses to know what is
// said over it.
#include <algorithm>
#include <new>

#include "uv/client.h"
#include "uv/connection.h"
#include "uv/connection_proxy.h"
#include "uv/way.h"

namespace pester::uv {

namespace {

void tcp_up(Connection& connection, core::Now now) {
  Client& client = *connection.client;
  Dialing* dialing = connection.dialing;
  Socket* socket = dialing->dial.socket;
  connection.socket = socket;
  connection.remote = dialing->dial.remote;
  connection.endpoint = address_key(connection.remote);
  dialing->dial.socket = nullptr;
  connection_free_dialing(connection);
  socket->poll.data = &connection;
  socket->ready = connection_on_socket;
  connection.connect_ns = client_now(client).mono.ns - connection.tcp_at.ns;
  connection_note_remote(connection);
  if (const int rc = socket_poll(socket, UV_READABLE); rc != 0) {
    connection_dial_failed(connection, rc, now);
    return;
  }
  const auto& origin = *static_cast<Origin*>(connection.origin);
  if (origin.route != nullptr && is_tunnelled(origin)) {
    client.engine.tcp_up(connection);
    connection_ask_proxy(connection, now);
    return;
  }
  if (origin.scheme == core::Scheme::https) client.engine.tcp_up(connection);
  connection_reached(connection, now);
}

// What the far end, or a router on the way, says of an address: not what this host is out of.
bool is_of_endpoint(int error) {
  switch (error) {
    case UV_ECONNREFUSED:
    case UV_ECONNRESET:
    case UV_ECONNABORTED:
    case UV_ETIMEDOUT:
    case UV_EHOSTUNREACH:
    case UV_EHOSTDOWN:
      return true;
    default:
      return false;
  }
}

void on_tried(Dial* dial, uint8_t index, int error) {
  auto& connection = *static_cast<Connection*>(dial->owner);
  const uint64_t key = address_key(dial->addresses.at[index]);
  if (error == 0) connection.endpoint = key;
  if (connection.origin->health == nullptr || !is_of_endpoint(error)) return;
  Client& client = *connection.client;
  client.engine.endpoint_failed(connection, key, client_now(client).mono);
}

// The best for the lane first.
void sort_for_lane(Connection& connection, Addresses* addresses, core::Now now) {
  uint64_t keys[kAddressesMax];
  uint32_t ranks[kAddressesMax];
  for (size_t i = 0; i < addresses->count; i++) keys[i] = address_key(addresses->at[i]);
  connection.client->engine.resolved(connection, keys, addresses->count, now.mono);
  for (size_t i = 0; i < addresses->count; i++) {
    ranks[i] = core::Engine::rank(*connection.lane, keys[i], now.mono);
  }
  sort_addresses(addresses, ranks);
}

// Those that keep failing last.
void sort_for_anybody(const Connection& connection, Addresses* addresses, core::Now now) {
  const core::Health* health = connection.origin->health;
  if (health == nullptr) return;
  uint32_t ranks[kAddressesMax];
  for (size_t i = 0; i < addresses->count; i++) {
    ranks[i] = health->endpoints.rank(address_key(addresses->at[i]), now.mono);
  }
  sort_addresses(addresses, ranks);
}

// What the dial said of its next address: connected, failed, or under way.
void take_try(Connection& connection, int rc, core::Now now) {
  if (rc == 0) {
    tcp_up(connection, now);
  } else if (rc < 0) {
    connection_dial_failed(connection, rc, now);
  } else {
    connection.more_addresses = dial_has_next(&connection.dialing->dial);
    if (connection.more_addresses) connection.client->engine.stagger(connection, now.mono);
  }
}

void dial_addresses(Connection& connection, const Addresses& addresses, core::Now now) {
  Client& client = *connection.client;
  connection.dns_ns = now.mono.ns - connection.opened.ns;
  connection.tcp_at = now.mono;
  Dial& dial = connection.dialing->dial;
  dial.route = static_cast<const Origin*>(connection.origin)->route;
  int rc = 0;
  if (connection.origin->health != nullptr && connection.lane != nullptr) {
    Addresses sorted = addresses;
    sort_for_lane(connection, &sorted, now);
    rc = dial_start(&dial, &client.home, sorted);
  } else if (connection.lane == nullptr && addresses.count > 1) {
    Addresses turned = addresses;
    if (!connection.warm) {  // a spare: what it races began with the first
      std::rotate(turned.at, turned.at + 1, turned.at + turned.count);
    }
    sort_for_anybody(connection, &turned, now);
    rc = dial_start(&dial, &client.home, turned);
  } else {
    rc = dial_start(&dial, &client.home, addresses);
  }
  take_try(connection, rc, now);
}

// From Mailbox::drain, within the client's entry.
void on_lookup(Lookup* lookup, int error, const Addresses& addresses) {
  auto& connection = *static_cast<Connection*>(lookup->owner);
  const core::Now now = client_now(*connection.client);
  if (error != 0) {
    connection.dns_ns = now.mono.ns - connection.opened.ns;
    connection_dial_failed(connection, proxy_not_found(connection, error), now);
  } else {
    dial_addresses(connection, addresses, now);
  }
}

void on_dialed(Dial* dial, int error) {
  auto& connection = *static_cast<Connection*>(dial->owner);
  Client& client = *connection.client;
  const core::Now now = client_enter(client);
  if (error == 0) {
    tcp_up(connection, now);
  } else {
    connection.connect_ns = now.mono.ns - connection.tcp_at.ns;
    connection_dial_failed(connection, error, now);
  }
  client_leave(client, now);
}

Connection* make_connection(Client& client) {
  const wire::Block block = client.pool.take(sizeof(Connection));
  const wire::Block dialing_block = client.pool.take(sizeof(Dialing));
  if (block.at == nullptr || dialing_block.at == nullptr) {
    client.pool.give(block);
    client.pool.give(dialing_block);
    return nullptr;
  }
  auto* connection = ::new (block.at) Connection;
  connection->client = &client;
  auto* dialing = ::new (dialing_block.at) Dialing;
  dialing->block = dialing_block;
  dialing->lookup.owner = connection;
  dialing->lookup.done = on_lookup;
  dialing->dial.owner = connection;
  dialing->dial.done = on_dialed;
  dialing->dial.tried = on_tried;
  connection->dialing = dialing;
  connection->next_made = client.made;
  connection->back_made = &client.made;
  if (client.made != nullptr) client.made->back_made = &connection->next_made;
  client.made = connection;
  return connection;
}

void look_up(Connection& connection, bool anew, core::Now now) {
  const auto* origin = static_cast<Origin*>(connection.origin);
  const Route* route = origin->route;
  Addresses addresses;
  if (route != nullptr && route->is_unix()) {
    addresses.count = 1;
    addresses.at[0] = Address{};
    addresses.at[0].any.sa_family = AF_UNIX;
    dial_addresses(connection, addresses, now);
    return;
  }
  const uint8_t family = route != nullptr ? route->family : uint8_t{0};
  NameQuestion question = {
      origin->host(), origin->host_kind, origin->zone(), origin->port, family, anew};
  if (route != nullptr && route->is_proxied()) {
    const wire::ProxyUrl& proxy = route->proxy;
    question = {proxy.host, proxy.host_kind, proxy.zone, proxy.port, family, anew, true};
    if (core::Lane* lane = connection.lane; lane != nullptr && lane->record >= 0) {
      note_proxy(connection, request_of(*lane), static_cast<uint32_t>(lane->record));
    }
  }
  const int rc =
      resolver_ask(connection.client->resolver, &connection.dialing->lookup, question, now, &addresses);
  if (rc == kResolvePending) return;
  if (rc == 0) {
    dial_addresses(connection, addresses, now);
  } else {
    connection_dial_failed(connection, proxy_not_found(connection, rc), now);
  }
}

}  // namespace

void connection_free_dialing(Connection& connection) {
  Dialing* dialing = connection.dialing;
  if (dialing == nullptr) return;
  connection.dialing = nullptr;
  resolver_abandon(connection.client->resolver, &dialing->lookup);
  dial_stop(&dialing->dial);
  connection.client->pool.give(dialing->block);
}

void connection_dial(Client& client, core::Lane& lane, core::Now now) {
  Connection* connection = make_connection(client);
  if (connection == nullptr) {
    client.engine.refused(lane, UV_ENOMEM, now.mono);
    return;
  }
  client.engine.dial_began(lane, *connection, now.mono);
  look_up(*connection, lane.attempt > 1, now);
}

void connection_dial_spare(Client& client, core::Lane& lane, core::Now now) {
  Connection* connection = make_connection(client);
  if (connection == nullptr) {
    client.engine.spare_refused(lane, now.mono);
    return;
  }
  client.engine.spare_began(lane, *connection, now.mono);
  look_up(*connection, false, now);
}

Connection* connection_make_warm(Client& client, WarmUp& warm_up) {
  Connection* connection = make_connection(client);
  if (connection != nullptr) connection->warm_up = &warm_up;
  return connection;
}

void connection_dial_warm(Connection& connection, core::Now now) {
  look_up(connection, false, now);
}

void connection_next_address(Connection& connection, core::Now now) {
  take_try(connection, dial_next(&connection.dialing->dial), now);
}

}  // namespace pester::uv
