// SPDX-License-Identifier: MIT
// The life of a connection: the lookup, TCP, the handshake, the end.
#include "uv/connection.h"

#include <algorithm>
#include <new>

#include "core/assert.h"
#include "uv/client.h"
#include "uv/connection_proxy.h"
#include "uv/decoding.h"
#include "uv/stream.h"
#include "uv/way.h"

namespace pester::uv {

namespace {

void free_dialing(Connection& connection) {
  Dialing* dialing = connection.dialing;
  if (dialing == nullptr) return;
  connection.dialing = nullptr;
  resolver_abandon(connection.client->resolver, &dialing->lookup);
  dial_stop(&dialing->dial);
  connection.client->pool.give(dialing->block);
}

void tell_tls(Connection& connection, Request& request, uint32_t record) {
  const wire::TlsInfo& info = wire::tls_info(connection.tls);
  RecordExtra& extra = request.extras[record];
  extra.tls_version = info.version;
  extra.tls_cipher = info.cipher;
  extra.tls_resumed = info.resumed;
  extra.tls_alpn = request_keep_text(request, request.client->pool, info.alpn);
}

void on_ready(Connection& connection, core::Now now) {
  if (connection.warm_up != nullptr) warm_up_ready(connection);
  connection.tcp_at = {};
  connection.client->engine.ready(connection, now.mono);
}

// A unix socket's path stands among the request's texts: addresses have no room for it.
[[gnu::noinline]] void name_remote(const Connection& connection, Request& request, uint32_t index) {
  char path[kAddressTextBytes];
  const size_t bytes = format_route(*static_cast<Origin*>(connection.origin)->route, path);
  Address& remote = request.extras[index].remote;
  for (uint32_t i = index; i-- > 0;) {
    const Address& earlier = request.extras[i].remote;
    if (!is_unix(earlier) || request.text(earlier.local.text) != std::string_view(path, bytes)) continue;
    remote.local.text = earlier.local.text;
    return;
  }
  remote.local.text = request_keep_text(request, connection.client->pool, {path, bytes});
}

void note_remote(const Connection& connection, Request& request, uint32_t index) {
  request.extras[index].remote = connection.remote;
  const Route* const route = static_cast<const Origin*>(connection.origin)->route;
  if (route == nullptr) return;
  if (is_unix(connection.remote)) name_remote(connection, request, index);
  if (route->is_proxied()) note_proxy(connection, request, index);
}

void tcp_up(Connection& connection, core::Now now) {
  Client& client = *connection.client;
  Dialing* dialing = connection.dialing;
  Socket* socket = dialing->dial.socket;
  connection.socket = socket;
  connection.remote = dialing->dial.remote;
  connection.endpoint = address_key(connection.remote);
  dialing->dial.socket = nullptr;
  free_dialing(connection);
  socket->poll.data = &connection;
  socket->ready = connection_on_socket;
  connection.connect_ns = client_now(client).mono.ns - connection.tcp_at.ns;
  if (core::Lane* lane = connection.lane; lane != nullptr && lane->record >= 0) {
    note_remote(connection, request_of(*lane), static_cast<uint32_t>(lane->record));
  }
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
  if (rc == 0) {
    tcp_up(connection, now);
  } else if (rc < 0) {
    connection_dial_failed(connection, rc, now);
  } else {
    connection.more_addresses = dial_has_next(&dial);
    if (connection.more_addresses) client.engine.stagger(connection, now.mono);
  }
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

// The certificate is fine by TLS; the user may still refuse it, before the first byte of a request.
bool user_accepts(Connection& connection) {
  const wire::TlsOptions& tls = connection.configuration->options();
  if (tls.verify_cb == nullptr) return true;
  const auto* origin = static_cast<Origin*>(connection.origin);
  char host[256];
  const std::string_view name = origin->host();
  std::copy(name.begin(), name.end(), host);  // at most 253 bytes
  host[name.size()] = '\0';
  const std::string_view leaf = wire::tls_peer_leaf(connection.tls);
  return tls.verify_cb(host, reinterpret_cast<const unsigned char*>(leaf.data()), leaf.size(),
                       wire::tls_verify_error(connection.tls), tls.verify_data) == 0;
}

}  // namespace

void connection_reached(Connection& connection, core::Now now) {
  Client& client = *connection.client;
  if (static_cast<Origin*>(connection.origin)->scheme == core::Scheme::http) {
    on_ready(connection, now);
    return;
  }
  connection.tcp_at = now.mono;
  const Route* const route = static_cast<Origin*>(connection.origin)->route;
  const bool own = route != nullptr && route->tls != nullptr;
  connection.configuration = tls_configuration_hold(own ? route->tls : client.tls);
  if (connection.configuration->ready) {
    connection_handshake(connection, now);
  } else {
    tls_configuration_await(*connection.configuration, connection);
  }
}

void connection_dial_failed(Connection& connection, int error, core::Now now) {
  Client& client = *connection.client;
  if (connection.lane != nullptr) {
    core::Record& record = record_of(*connection.lane);
    record.dns = connection.dns_ns;
    record.connect = connection.connect_ns;
    record.tls = connection.tls_ns;
  }
  if (connection.warm_up != nullptr) warm_up_failed(connection, error);
  client.engine.dial_failed(connection, error, now.mono);
}

void connection_keep_detail(Connection& connection, std::string_view detail) {
  if (connection.warm_up != nullptr) warm_up_detail(connection, detail);
  core::Lane* lane = connection.lane;
  if (lane == nullptr || lane->record < 0) return;
  Request& request = request_of(*lane);
  request.extras[lane->record].detail = request_keep_text(request, connection.client->pool, detail);
}

core::Record& record_of(core::Lane& lane) {
  Request& request = request_of(lane);
  return lane.record < 0 ? request.client->unread_record : request.records[lane.record];
}

void connection_fail(Connection& connection, core::Lane& lane, int error, std::string_view detail,
                     core::Now now) {
  Client& client = *connection.client;
  Request& request = request_of(lane);
  if (lane.following) {  // only the rest of what is followed is lost
    connection.fit = false;
    client.engine.preview_ready(lane, now.mono);
    return;
  }
  const uint32_t text = request_keep_text(request, client.pool, detail);
  if (lane.record >= 0) request.extras[lane.record].detail = text;
  client.engine.failed(lane, error, now.mono);
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
  Dial& dial = connection.dialing->dial;
  const int rc = dial_next(&dial);
  if (rc == 0) {
    tcp_up(connection, now);
  } else if (rc < 0) {
    connection_dial_failed(connection, rc, now);
  } else {
    connection.more_addresses = dial_has_next(&dial);
    if (connection.more_addresses) connection.client->engine.stagger(connection, now.mono);
  }
}

void connection_trust_ready(Connection& connection, int error, std::string_view why, core::Now now) {
  if (connection.state != core::ConnectionState::handshaking) return;
  if (error == 0) {
    connection_handshake(connection, now);
    return;
  }
  connection_keep_detail(connection, why);
  connection_dial_failed(connection, error, now);
}

void connection_handshake(Connection& connection, core::Now now) {
  Client& client = *connection.client;
  const auto* origin = static_cast<Origin*>(connection.origin);
  int error = 0;
  if (connection.tls == nullptr) {
    error = wire::tls_session_create(&connection.tls, connection.configuration->context, &client.pool,
                                     origin->host(), origin->host_kind, origin->port);
    if (error != 0) {
      connection_dial_failed(connection, error, now);
      return;
    }
  }
  const wire::TlsStatus status = wire::tls_handshake(connection.tls);
  tls_configuration_keep_key_log(*connection.configuration, connection.tls);
  const bool sent = connection_flush_tls(connection);
  connection.tls_ns = now.mono.ns - connection.tcp_at.ns;
  std::string_view detail;
  if (status == wire::TlsStatus::want_input) {
    if (sent) return;
    error = connection.send_error;
  } else if (status == wire::TlsStatus::ok) {
    const bool accepted = user_accepts(connection);
    if (connection.state != core::ConnectionState::handshaking) return;  // cancelled meanwhile
    if (accepted) {
      connection.tls_ns = client_now(client).mono.ns - connection.tcp_at.ns;
      on_ready(connection, now);
      return;
    }
    error = PESTER_ECERTIFICATE;
    detail = "refused by the verify callback";
  } else {
    error = wire::tls_error(connection.tls);
    detail = wire::tls_why(connection.tls).view();
  }
  connection_keep_detail(connection, detail);
  connection_dial_failed(connection, error, now);
}

void connection_show(Connection& connection, Request& request) {
  request_show(request, &connection.response);
  request.shown_by = &connection;
  connection.shown_to = &request;
}

void connection_part(Connection& connection) {
  Request* request = connection.shown_to;
  if (request == nullptr) return;
  if (request->decodes) decoding_hand_over(connection, *request);
  request->response.release(connection.client->pool);
  request->response = connection.response;
  connection.response = Response{};
  request_show(*request, &request->response);
}

void connection_close(Connection& connection) {
  Client& client = *connection.client;
  if (connection.stream != nullptr) stream_on_closing(connection);
  if (connection.warm_up != nullptr) {
    warm_up_failed(connection, client.closing ? PESTER_ECLOSED : PESTER_ETIMEOUT_CONNECT);
  }
  free_dialing(connection);
  connection_part(connection);
  connection_leave_proxy(connection);
  if (connection.tls != nullptr) {
    if (connection.socket != nullptr && connection.send_error == 0) {
      wire::tls_shutdown(connection.tls);
      (void)connection_flush_tls(connection);  // told once, never waited for
    }
    wire::tls_session_free(connection.tls);
    connection.tls = nullptr;
  }
  if (connection.configuration != nullptr) {
    tls_configuration_forget(*connection.configuration, connection);
    tls_configuration_leave(connection.configuration);
    connection.configuration = nullptr;
  }
  if (connection.socket != nullptr) {
    socket_close(connection.socket);
    connection.socket = nullptr;
  }
  *connection.back_made = connection.next_made;
  if (connection.next_made != nullptr) connection.next_made->back_made = connection.back_made;
  connection.next_made = client.closed;
  client.closed = &connection;
}

void connection_free(Connection& connection) {
  wire::BlockPool& pool = connection.client->pool;
  connection.response.release(pool);
  if (connection.decoding != nullptr) decoding_stop(connection);
  connection.pending.release(pool);
  connection.own_head.release(pool);
  if (connection.stream != nullptr) stream_free(connection);
  connection_stop_parsing(connection);
  pool.give({&connection, sizeof connection});
}

void connection_begin_record(Connection& connection, core::Lane& lane, core::Now now) {
  if (lane.record < 0) return;
  Request& request = request_of(lane);
  core::Record& record = request.records[lane.record];
  record.reused = lane.reused;
  record.sent_traffic.set_head(connection.own_head.empty() ? request.wire_head_bytes
                                                           : connection.own_head.size());
  if (!lane.reused) {
    record.dns = connection.dns_ns;
    record.connect = connection.connect_ns;
    record.tls = connection.tls_ns;
  }
  // Beyond this connection's own phases, which are told apart.
  const int64_t free_at = lane.reused ? now.mono.ns : connection.opened.ns;
  record.queued = std::max(free_at - request.began.ns - record.started, int64_t{0});
  note_remote(connection, request, static_cast<uint32_t>(lane.record));
  if (connection.tls != nullptr) tell_tls(connection, request, static_cast<uint32_t>(lane.record));
}

}  // namespace pester::uv
