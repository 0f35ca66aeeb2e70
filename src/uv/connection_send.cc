// SPDX-License-Identifier: MIT
// Sending: the request's bytes, straight or through TLS.
#include "core/assert.h"
#include "core/text.h"
#include "uv/client.h"
#include "uv/connection.h"
#include "uv/journal.h"
#include "uv/own_head.h"
#include "uv/upload.h"

namespace pester::uv {

namespace {

// What is to be sent next, in one piece: head and body lie together, but for a head of the exchange's
// own; then the body may be elsewhere.
[[gnu::always_inline]] inline std::string_view next_piece(const Connection& connection,
                                                          const Request& request) {
  const size_t head = connection.own_head.size();
  const size_t taken = connection.taken;
  if (head == 0) return {request.wire_bytes + taken, connection.to_send - taken};
  if (taken < head) return {connection.own_head.data() + taken, head - taken};
  if (connection.sending != Sending::request) return upload_piece(connection, request);
  return core::part(request.body(), taken - head);
}

// Plain bytes to the socket. Returns false when it is broken.
[[gnu::always_inline]] inline bool send_plain(Connection& connection, const Request& request) {
  std::string_view piece;
  do {
    piece = next_piece(connection, request);
    const ssize_t n = socket_send(connection.socket, piece.data(), piece.size());
    if (n == UV_EAGAIN) return true;
    if (n < 0) {
      connection.send_error = static_cast<int>(n);
      return false;
    }
    connection.taken += static_cast<size_t>(n);
    if (static_cast<size_t>(n) != piece.size()) return true;
  } while (connection.taken != connection.to_send);
  return true;
}

bool send_through_tls(Connection& connection, const Request& request) {
  for (;;) {
    if (!connection_flush_tls(connection)) return false;
    if (connection.taken == connection.to_send || !wire::tls_output(connection.tls).empty()) return true;
    size_t count = 0;
    const auto status = wire::tls_write(connection.tls, next_piece(connection, request), &count);
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
  connection.sending = Sending::nothing;
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

bool all_sent(const Connection& connection) {
  return connection.taken == connection.to_send &&
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
  connection.to_send = request.wire_size;
  connection.sending = Sending::request;
  connection.own_head.clear();
  if (request.composes && !compose_head(connection, lane, now)) {
    client.engine.refused(lane, UV_ENOMEM, now.mono);
    return;
  }
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
  if (connection.stopped) {
    connection.stopped = false;
    (void)socket_poll(connection.socket, UV_READABLE);
  }
  if (client.options.trace) {
    journal_add(client, lane, Trace::connected, {});
    const std::string_view plain = {request.wire_bytes, request.wire_head_bytes};
    journal_add(client, lane, Trace::request,
                connection.own_head.empty() ? plain : connection.own_head.view());
  }
  connection_send_on(connection, now);
}

// Shared by what lies in memory and what does not.
[[gnu::always_inline]] inline bool send_and_count(Connection& connection, core::Lane& lane,
                                                  core::Record& record) {
  Request& request = request_of(lane);
  const size_t before = connection.taken;
  const bool ok = connection.tls == nullptr ? send_plain(connection, request)
                                            : send_through_tls(connection, request);
  const size_t moved = connection.taken - before;
  record.sent_traffic.add(moved);
  connection.client->bytes_sent += moved;
  return ok;
}

void connection_wait_for_socket(Connection& connection, core::Lane& lane, core::Now now) {
  Client& client = *connection.client;
  const int rc = socket_poll(connection.socket, UV_WRITABLE | (connection.stopped ? 0 : UV_READABLE));
  if (rc != 0) {
    client.engine.failed(lane, rc, now.mono);
  } else if (lane.exchange == core::ExchangeState::sending) {
    client.engine.send_blocked(lane, connection.taken != 0, now.mono);
  }
}

// Inline for connection_send_on, though uploads end so too.
[[gnu::always_inline]] inline void end_sending(Connection& connection, core::Lane& lane,
                                               core::Record& record, core::Now now) {
  connection.sending = Sending::nothing;
  record.sent = now.mono.ns - lane.request->began.ns;
  (void)socket_poll(connection.socket, connection.stopped ? 0 : UV_READABLE);
  if (lane.exchange == core::ExchangeState::sending) connection.client->engine.sent(lane, now.mono);
}

void connection_sent(Connection& connection, core::Lane& lane, core::Now now) {
  end_sending(connection, lane, record_of(lane), now);
}

void connection_send_on(Connection& connection, core::Now now) {
  core::Lane* lane = connection.lane;
  if (lane == nullptr) return;
  if (connection.sending != Sending::request) {
    if (connection.sending != Sending::nothing) upload_send_on(connection, *lane, now);
    return;
  }
  core::Record& record = record_of(*lane);
  if (!send_and_count(connection, *lane, record)) {
    on_send_failed(connection, *lane, now);
  } else if (all_sent(connection)) {
    end_sending(connection, *lane, record, now);
  } else {
    connection_wait_for_socket(connection, *lane, now);
  }
}

bool connection_send_all(Connection& connection, core::Lane& lane, core::Now now) {
  if (!all_sent(connection) && !send_and_count(connection, lane, record_of(lane))) {
    on_send_failed(connection, lane, now);
    return false;
  }
  if (all_sent(connection)) return true;
  connection_wait_for_socket(connection, lane, now);
  return false;
}

}  // namespace pester::uv
