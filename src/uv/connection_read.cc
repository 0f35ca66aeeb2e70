// SPDX-License-Identifier: MIT
// Reading: bytes from the socket, through TLS, to the message; and what an end or an error of the stream
// means, by what the connection is doing. Refuses to know what the bytes say.
#include "uv/client.h"
#include "uv/connection.h"

namespace pester::uv {

namespace {

constexpr int kFullReadsMax = 4;  // of 64 KiB in a row, before others have their turn

using core::ConnectionState;
using core::ExchangeState;

// Leased a moment ago, to a lane whose request is still to be sent: whatever the server says or does now
// is not the answer to it.
bool is_out_of_turn(const Connection& connection) {
  return connection.lane != nullptr && (connection.lane->work & core::lane_work::kSend) != 0;
}

void on_out_of_turn(Connection& connection, int error, std::string_view detail, core::Now now) {
  core::Lane& lane = *connection.lane;
  if (lane.reused) {
    connection.client->engine.stale(lane, now.mono);
  } else {
    connection_fail(connection, lane, error, detail, now);
  }
}

// Plain bytes, in scratch memory: parsed now, or kept when the connection is stopped.
void take_plain(Connection& connection, std::string_view bytes, core::Now now) {
  Client& client = *connection.client;
  client.bytes_received += bytes.size();
  if (connection.state == ConnectionState::idle) {
    client.engine.lost(connection, now.mono);  // it spoke out of turn
    return;
  }
  if (is_out_of_turn(connection)) {
    on_out_of_turn(connection, PESTER_EPROTOCOL, "bytes before the request was sent", now);
    return;
  }
  if (core::Lane* lane = connection.lane; lane != nullptr) {
    core::Record& record = record_of(*lane);
    record.received_traffic.add(bytes.size());
    if (!lane->any_byte) {
      lane->any_byte = true;
      record.first_byte = now.mono.ns - lane->request->began.ns;
    }
  }
  if (connection.stopped || !connection.pending.empty()) {
    connection.pending.consume(connection.pending_taken);  // told by now
    connection.pending_taken = 0;
    if (!connection.pending.append(client.pool, bytes.data(), bytes.size())) {
      connection_broken(connection, UV_ENOMEM, {}, now);
    } else if (!connection.stopped) {
      client_read_on(client, connection);
    }
    return;
  }
  connection.input = bytes;
  connection_consume(connection, MayPump::yes, now);
}

void read_tls(Connection& connection, core::Now now) {
  Client& client = *connection.client;
  char* plain = client.scratch + kReadBytes;
  for (;;) {
    if (connection.tls == nullptr || connection.state >= ConnectionState::handed_over) return;
    size_t count = 0;
    switch (wire::tls_read(connection.tls, plain, kPlainBytes, &count)) {
      case wire::TlsStatus::ok:
        take_plain(connection, {plain, count}, now);
        break;
      case wire::TlsStatus::want_input:
        (void)connection_flush_tls(connection);
        return;
      case wire::TlsStatus::closed:
        connection.end = StreamEnd::clean;
        if (!connection.stopped && connection.pending.empty())
          connection_stream_end(connection, true, now);
        return;
      case wire::TlsStatus::truncated:
        connection.end = StreamEnd::cut;
        if (!connection.stopped && connection.pending.empty())
          connection_stream_end(connection, false, now);
        return;
      case wire::TlsStatus::failed:
        connection_broken(connection, wire::tls_error(connection.tls),
                          wire::tls_why(connection.tls).view(), now);
        return;
    }
  }
}

// What came off the socket: > 0 bytes in scratch, 0 the end, negative an error.
void take_received(Connection& connection, ssize_t n, core::Now now) {
  Client& client = *connection.client;
  if (n == UV_EAGAIN) return;
  if (n > 0) {
    if (connection.tls == nullptr) {
      take_plain(connection, {client.scratch, static_cast<size_t>(n)}, now);
      return;
    }
    wire::tls_feed(connection.tls, {client.scratch, static_cast<size_t>(n)});
    if (connection.state == ConnectionState::handshaking) {
      connection_handshake(connection, now);
      if (connection.state != ConnectionState::idle && connection.state != ConnectionState::leased)
        return;
    }
    read_tls(connection, now);
    return;
  }
  if (n < 0) {
    const bool any = connection.parser != nullptr && connection.parser->any_byte();
    const int error = connection.send_error != 0 && !any ? connection.send_error : static_cast<int>(n);
    connection_broken(connection, error, {}, now);
  } else if (connection.tls != nullptr) {
    wire::tls_feed_end(connection.tls);
    if (connection.state == ConnectionState::handshaking) {
      connection_handshake(connection, now);
    } else {
      read_tls(connection, now);
    }
  } else {
    connection_stream_end(connection, true, now);
  }
}

}  // namespace

// Bytes that nobody asked for, or the end.
void connection_stream_end(Connection& connection, bool clean, core::Now now) {
  Client& client = *connection.client;
  core::Lane* lane = connection.lane;
  if (is_out_of_turn(connection)) {
    on_out_of_turn(connection, PESTER_EEMPTY, {}, now);
    return;
  }
  if (connection.state == ConnectionState::draining || connection.state == ConnectionState::idle) {
    client.engine.lost(connection, now.mono);
    return;
  }
  if (connection.state != ConnectionState::leased || lane == nullptr) return;
  if (connection.whole) return;
  connection.fit = false;
  connection_finish(connection, *lane, clean, now);
}

void connection_broken(Connection& connection, int error, std::string_view detail, core::Now now) {
  core::Lane* lane = connection.lane;
  if (is_out_of_turn(connection)) {
    on_out_of_turn(connection, error, detail, now);
    return;
  }
  switch (connection.state) {
    case ConnectionState::handshaking:
    case ConnectionState::dialing:
      connection_keep_detail(connection, detail);
      connection_dial_failed(connection, error, now);
      return;
    case ConnectionState::idle:
    case ConnectionState::draining:
      connection.client->engine.lost(connection, now.mono);
      return;
    case ConnectionState::leased:
      if (lane == nullptr) return;
      connection_fail(connection, *lane, error, detail, now);
      return;
    case ConnectionState::handed_over:
    case ConnectionState::closing:
    case ConnectionState::kCount:
      return;
  }
}

void connection_read(Connection& connection, core::Now now) {
  Client& client = *connection.client;
  for (int round = 0; round < kFullReadsMax; ++round) {
    // While TLS is held in the middle, what was lent to it must be used up at once: small reads.
    const size_t want = connection.tls == nullptr ? kReadBytes : kReadBytes / 2;
    const ssize_t n = socket_recv(connection.socket, client.scratch, want);
    take_received(connection, n, now);
    if (n != static_cast<ssize_t>(want) || !connection_is_open(connection) || connection.stopped) return;
    if (!connection.pending.empty()) return;
  }
}

bool connection_is_quiet(Connection& connection) {
  const ssize_t n = socket_peek(connection.socket);
  if (n == UV_EAGAIN) return true;
  if (n <= 0 || connection.tls == nullptr) return false;
  // A ticket of TLS 1.3 is no answer: only decrypting tells. Not in the client's scratch memory, where
  // another connection's bytes may stand while its user is told of the first of them.
  char bytes[4096];
  char plain[64];
  const ssize_t got = socket_recv(connection.socket, bytes, sizeof bytes);
  if (got <= 0 || got == sizeof bytes) return false;
  wire::tls_feed(connection.tls, {bytes, static_cast<size_t>(got)});
  size_t count = 0;
  return wire::tls_read(connection.tls, plain, sizeof plain, &count) == wire::TlsStatus::want_input;
}

void connection_on_socket(Socket* socket, int status, int events) {
  auto& connection = *static_cast<Connection*>(socket->poll.data);
  Client& client = *connection.client;
  const core::Now now = client_enter(client);
  if ((events & UV_WRITABLE) != 0 && connection_is_open(connection)) {
    if (connection.state == ConnectionState::handshaking) {
      (void)socket_poll(socket, UV_READABLE);
      (void)connection_flush_tls(connection);
    } else if (connection.sending != Sending::nothing) {
      connection_send_on(connection, now);
    } else {
      (void)socket_poll(socket, connection.stopped ? 0 : UV_READABLE);
    }
  }
  if (((events & UV_READABLE) != 0 || status < 0) && connection_is_open(connection) &&
      !connection.stopped) {
    connection_read(connection, now);
    // libuv stops a handle that met an error: what comes behind the bytes just read must still be seen.
    if (status < 0 && connection_is_open(connection) && !connection.stopped)
      (void)socket_poll(socket, UV_READABLE);
  }
  client_leave(client, now);
}

}  // namespace pester::uv
