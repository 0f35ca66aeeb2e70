// SPDX-License-Identifier: MIT
// Sending: the request's bytes, straight or through TLS.
#include "core/assert.h"
#include "uv/client.h"
#include "uv/connection.h"

namespace pester::uv {

namespace {

// Plain bytes to the socket. Returns false when it is broken.
bool send_plain(Connection& connection, Request& request) {
  const char* left = request.wire_bytes + connection.taken;
  const ssize_t n = socket_send(connection.socket, left, request.wire_size - connection.taken);
  if (n >= 0) {
    connection.taken += static_cast<size_t>(n);
    return true;
  }
  if (n == UV_EAGAIN) return true;
  connection.send_error = static_cast<int>(n);
  return false;
}

bool send_through_tls(Connection& connection, Request& request) {
  for (;;) {
    if (!connection_flush_tls(connection)) return false;
    const size_t left = request.wire_size - connection.taken;
    if (left == 0 || !wire::tls_output(connection.tls).empty()) return true;
    size_t count = 0;
    const auto status =
        wire::tls_write(connection.tls, {request.wire_bytes + connection.taken, left}, &count);
    connection.taken += count;
    if (status == wire::TlsStatus::failed) {
      connection.send_error = wire::tls_error(connection.tls);
      return false;
    }
    if (count == 0 && wire::tls_output(connection.tls).empty()) return true;
  }
}

// The server may have answered before it closed: its answer is read before the verdict, though not now,
// when the client's scratch memory may be in use.
void on_send_failed(Connection& connection, core::Lane& lane, core::Now now) {
  Client& client = *connection.client;
  connection.sending = false;
  const bool closed = connection.send_error == UV_EPIPE || connection.send_error == UV_ECONNRESET;
  if (connection.taken != 0) client.engine.send_blocked(lane, true, now.mono);
  if (closed && socket_peek(connection.socket) > 0 &&
      socket_poll(connection.socket, connection.stopped ? 0 : UV_READABLE) == 0) {
    client.engine.send_blocked(lane, connection.taken != 0, now.mono);
    return;
  }
  std::string_view detail;
  if (!closed && connection.tls != nullptr) detail = wire::tls_why(connection.tls).view();
  connection_fail(connection, lane, connection.send_error, detail, now);
}

bool all_sent(const Connection& connection, const Request& request) {
  return connection.taken == request.wire_size &&
         (connection.tls == nullptr || wire::tls_output(connection.tls).empty());
}

}  // namespace

bool connection_flush_tls(Connection& connection) {
  for (;;) {
    const std::string_view output = wire::tls_output(connection.tls);
    if (output.empty()) return true;
    const ssize_t n = socket_send(connection.socket, output.data(), output.size());
    if (n == UV_EAGAIN) {
      const int rc = socket_poll(connection.socket, UV_READABLE | UV_WRITABLE);
      if (rc != 0) connection.send_error = rc;
      return rc == 0;
    }
    if (n < 0) {
      connection.send_error = static_cast<int>(n);
      return false;
    }
    wire::tls_output_consume(connection.tls, static_cast<size_t>(n));
  }
}

void connection_send(core::Lane& lane, core::Now now) {
  Connection& connection = connection_of(lane);
  Client& client = *connection.client;
  if (lane.reused && connection.idle_entry != client.entry && !connection_is_quiet(connection)) {
    client.engine.stale(lane, now.mono);
    return;
  }
  Request& request = request_of(lane);
  connection_begin_record(connection, lane, now);
  connection_part(connection);
  client.spares.lend(connection.response);
  connection_stop_parsing(connection);
  connection.no_body = request.no_body;
  connection.response.any = false;
  connection.response.body_bytes = 0;
  connection.response.body.clear();
  connection.pending.clear();
  connection.pending_taken = 0;
  connection.taken = 0;
  connection.sending = true;
  if (connection.stopped) {
    connection.stopped = false;
    (void)socket_poll(connection.socket, UV_READABLE);
  }
  if (client.options.trace) {
    client_tell(client, lane, Trace::connected, {});
    client_tell(client, lane, Trace::request, {request.wire_bytes, request.wire_head_bytes});
  }
  connection_send_on(connection, now);
}

void connection_send_on(Connection& connection, core::Now now) {
  core::Lane* lane = connection.lane;
  if (lane == nullptr || !connection.sending) return;
  Client& client = *connection.client;
  Request& request = request_of(*lane);
  const size_t before = connection.taken;
  const bool ok = connection.tls == nullptr ? send_plain(connection, request)
                                            : send_through_tls(connection, request);
  const size_t moved = connection.taken - before;
  core::Record& record = record_of(*lane);
  record.bytes_sent += moved;
  client.bytes_sent += moved;
  if (!ok) {
    on_send_failed(connection, *lane, now);
    return;
  }
  if (all_sent(connection, request)) {
    connection.sending = false;
    record.sent = now.mono.ns - request.began.ns;
    (void)socket_poll(connection.socket, connection.stopped ? 0 : UV_READABLE);
    if (lane->exchange == core::ExchangeState::sending) client.engine.sent(*lane, now.mono);
    return;
  }
  const int rc = socket_poll(connection.socket, UV_READABLE | UV_WRITABLE);
  if (rc != 0) {
    client.engine.failed(*lane, rc, now.mono);
  } else if (lane->exchange == core::ExchangeState::sending) {
    client.engine.send_blocked(*lane, connection.taken != 0, now.mono);
  }
}

}  // namespace pester::uv
