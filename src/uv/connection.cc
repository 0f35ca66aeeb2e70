// SPDX-License-Identifier: MIT
// The life of a connection once it is connected: the handshake, what is told of it, the end.
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

// A dial of a warm-up that is cut: its time was over, or it gave way.
int code_of_cut(const Connection& connection) {
  const Client& client = *connection.client;
  if (client.closing) return PESTER_ECLOSED;
  return client_now(client).mono >= connection.dial_end ? PESTER_ETIMEOUT_CONNECT : PESTER_ECANCELED;
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
    connection_note_remote(connection);  // it may have been dialed for another lane
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
    warm_up_failed(connection, code_of_cut(connection));
  }
  connection_free_dialing(connection);
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

void connection_note_remote(Connection& connection) {
  core::Lane* const lane = connection.lane;
  if (lane == nullptr || lane->record < 0) return;
  note_remote(connection, request_of(*lane), static_cast<uint32_t>(lane->record));
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
