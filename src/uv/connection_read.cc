// SPDX-License-Identifier: MIT
// Reading: bytes from the socket, through TLS, into the parser, one item at a time, each told before the
// next is parsed.
#include <algorithm>
#include <cstdio>
#include <new>

#include "core/assert.h"
#include "core/text.h"
#include "uv/client.h"
#include "uv/connection.h"

namespace pester::uv {

namespace {

constexpr size_t kPreviewBytes = 65536;
constexpr int kFullReadsMax = 4;  // of 64 KiB in a row, before others have their turn

using core::ConnectionState;
using core::ExchangeState;

// Is the user's word needed, or the body not wanted yet?
bool must_stop(const Connection& connection) {
  const core::Lane* lane = connection.lane;
  if (lane == nullptr) return false;
  if (lane->question != core::Question::none || lane->held) return true;
  const auto& request = static_cast<const Request&>(*lane->request);
  return request.paused && request.winner == lane->index;
}

void fail_parse(Connection& connection, core::Lane& lane, core::Now now) {
  connection_fail(connection, lane, connection.parser->error(), connection.parser->why().view(), now);
}

void trace_head(Connection& connection, core::Lane& lane) {
  Client& client = *connection.client;
  const wire::ResponseHead& head = connection.response.head;
  wire::Bytes text;
  char line[64];
  const int size = std::snprintf(line, sizeof line, "HTTP/1.%d %d ", head.minor_version, head.status);
  bool ok = text.append(client.pool, line, static_cast<size_t>(size)) &&
            text.append(client.pool, head.reason().data(), head.reason().size()) &&
            text.append(client.pool, "\r\n", 2);
  for (size_t i = 0; ok && i < head.field_count; ++i) {
    ok = text.append(client.pool, head.name(i).data(), head.name(i).size()) &&
         text.append(client.pool, ": ", 2) &&
         text.append(client.pool, head.value(i).data(), head.value(i).size()) &&
         text.append(client.pool, "\r\n", 2);
  }
  if (ok) client_tell(client, lane, Trace::response, text.view());
  text.release(client.pool);
}

void on_head(Connection& connection, core::Lane& lane, core::Now now) {
  Client& client = *connection.client;
  Request& request = request_of(lane);
  connection.response.any = true;
  connection.fit = connection.parser->persistent() && !request.wants_close &&
                   lane.exchange == ExchangeState::awaiting;
  connection.keep_alive_s = connection.parser->keep_alive_timeout_s();
  connection.body_left = connection.parser->body_bytes_left();
  if (client.options.trace) trace_head(connection, lane);
  if (lane.exchange == ExchangeState::sending) {  // an early answer: the rest is not sent
    connection.sending = false;
  }
  if (connection.body_left != UINT64_MAX && !request.streamed && request.into == nullptr) {
    const uint64_t want = std::min({connection.body_left, request.body_bytes_max, uint64_t{8} << 20});
    (void)connection.response.body.reserve(client.pool, static_cast<size_t>(want) + 1);
  }
  client.engine.head(lane, connection.response.head.status, now.mono);
}

// Returns 0 or why the span could not be kept.
int gather(Connection& connection, core::Lane& lane, std::string_view span) {
  Client& client = *connection.client;
  Request& request = request_of(lane);
  Response& response = connection.response;
  if (response.body_bytes > request.body_bytes_max) return PESTER_EBODYSIZE;
  const bool wins = request.state == core::RequestState::receiving && request.winner == lane.index;
  if (request.into != nullptr && wins) {
    if (response.body_bytes > request.into_size) return PESTER_EBODYSIZE;
    if (!response.body.empty()) {  // gathered while it was not known to win
      std::copy_n(response.body.data(), response.body.size(), request.into);
      response.body.clear();
    }
    std::copy_n(span.data(), span.size(), request.into + (response.body_bytes - span.size()));
    return 0;
  }
  if (!response.body.reserve(client.pool, span.size() + 1)) return UV_ENOMEM;
  (void)response.body.append(client.pool, span.data(), span.size());
  response.body.data()[response.body.size()] = '\0';
  return 0;
}

void on_body(Connection& connection, core::Lane& lane, std::string_view span, core::Now now) {
  Client& client = *connection.client;
  Request& request = request_of(lane);
  connection.response.body_bytes += span.size();
  if (request.streamed && lane.exchange == ExchangeState::receiving) {
    if (connection.response.body_bytes > request.body_bytes_max) {
      connection_fail(connection, lane, PESTER_EBODYSIZE, {}, now);
      return;
    }
    request.span = span;
    client.engine.post(request, shell_work::kBody);
    return;
  }
  if (const int error = gather(connection, lane, span); error != 0) {
    connection_fail(connection, lane, error, {}, now);
    return;
  }
  if (lane.previewing && connection.response.body.size() >= kPreviewBytes) {
    client.engine.preview_ready(lane, now.mono);
  }
}

void keep_response(Connection& connection, Request& request, core::Fate fate) {
  Client& client = *connection.client;
  if (fate == core::Fate::discard) return;
  Response& response = connection.response;
  if (connection.shown_to != nullptr && connection.shown_to != &request) connection_part(connection);
  request.response.release(client.pool);
  request.response = response;
  request_show(request, &request.response);
  response = Response{};
}

bool is_anything_left(const Connection& connection) {
  return !connection.input.empty() || connection.pending.size() != connection.pending_taken;
}

void forget_input(Connection& connection) {
  connection.input = {};
  connection.pending.clear();
  connection.pending_taken = 0;
}

void on_end(Connection& connection, core::Lane& lane, core::Now now) {
  Client& client = *connection.client;
  Request& request = request_of(lane);
  if (is_anything_left(connection)) connection.fit = false;
  forget_input(connection);
  connection.whole = true;
  if (lane.previewing) {
    client.engine.preview_ready(lane, now.mono);
    return;
  }
  connection.idle_entry = client.entry;
  if (connection.stopped) {
    connection.stopped = false;
    (void)socket_poll(connection.socket, UV_READABLE);
  }
  const bool too_long = request.into != nullptr && connection.response.body.size() > request.into_size;
  if (too_long) {
    connection_fail(connection, lane, PESTER_EBODYSIZE, {}, now);
    return;
  }
  keep_response(connection, request, client.engine.complete(lane, now.mono));
}

void drain(Connection& connection, const wire::Parsed& parsed, core::Now now) {
  core::Engine& engine = connection.client->engine;
  switch (parsed.item) {
    case wire::Item::body:
      if (parsed.body.size() > connection.drain_left) {
        engine.close(connection, now.mono);
      } else {
        connection.drain_left -= static_cast<uint32_t>(parsed.body.size());
      }
      return;
    case wire::Item::end:
      if (is_anything_left(connection)) connection.fit = false;
      forget_input(connection);
      connection.idle_entry = connection.client->entry;
      engine.drained(connection, now.mono);
      return;
    case wire::Item::error:
      engine.lost(connection, now.mono);
      return;
    case wire::Item::need_more:
    case wire::Item::informational:
    case wire::Item::head:
      return;
  }
}

void take_item(Connection& connection, core::Lane& lane, const wire::Parsed& parsed, core::Now now) {
  switch (parsed.item) {
    case wire::Item::need_more:
      if (lane.exchange == ExchangeState::receiving || lane.previewing) {
        connection.body_left = connection.parser->body_bytes_left();
        connection.client->engine.body_progress(lane, now.mono);
      }
      return;
    case wire::Item::informational:
      return;
    case wire::Item::head:
      on_head(connection, lane, now);
      return;
    case wire::Item::body:
      on_body(connection, lane, parsed.body, now);
      return;
    case wire::Item::end:
      on_end(connection, lane, now);
      return;
    case wire::Item::error:
      fail_parse(connection, lane, now);
      return;
  }
}

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

// False when memory is out.
bool begin_parsing(Connection& connection) {
  if (connection.parser != nullptr) return true;
  Client& client = *connection.client;
  wire::ResponseParser* parser = client.spare_parser;
  client.spare_parser = nullptr;
  if (parser == nullptr) {
    const wire::Block block = client.pool.take(sizeof(wire::ResponseParser));
    if (block.at == nullptr) return false;
    parser = ::new (block.at) wire::ResponseParser;
  }
  parser->start(&connection.response.head, &client.pool, &client.options.parser_limits,
                connection.no_body);
  connection.parser = parser;
  return true;
}

// Bytes that nobody asked for, or the end.
void on_stream_end(Connection& connection, bool clean, core::Now now) {
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
  if (!begin_parsing(connection)) {
    connection_fail(connection, *lane, UV_ENOMEM, {}, now);
  } else if (connection.parser->finish(clean) == wire::Item::end) {
    connection_stop_parsing(connection);
    on_end(connection, *lane, now);
  } else if (connection.send_error != 0 && !connection.parser->any_byte()) {
    connection_fail(connection, *lane, connection.send_error, {}, now);
  } else {
    fail_parse(connection, *lane, now);
  }
}

void on_broken(Connection& connection, int error, std::string_view detail, core::Now now) {
  core::Lane* lane = connection.lane;
  if (is_out_of_turn(connection)) {
    on_out_of_turn(connection, error, detail, now);
    return;
  }
  switch (connection.state) {
    case ConnectionState::handshaking:
    case ConnectionState::dialing:
      connection.client->engine.dial_failed(connection, error, now.mono);
      return;
    case ConnectionState::idle:
    case ConnectionState::draining:
      connection.client->engine.lost(connection, now.mono);
      return;
    case ConnectionState::leased:
      if (lane == nullptr) return;
      connection_fail(connection, *lane, error, detail, now);
      return;
    case ConnectionState::closing:
    case ConnectionState::kCount:
      return;
  }
}

// Plain bytes, in scratch memory: parsed now, or kept when the connection is stopped.
void take_plain(Connection& connection, std::string_view bytes, core::Now now) {
  Client& client = *connection.client;
  if (connection.state == ConnectionState::idle) {
    client.engine.lost(connection, now.mono);  // it spoke out of turn
    return;
  }
  if (is_out_of_turn(connection)) {
    on_out_of_turn(connection, PESTER_EPROTOCOL, "bytes before the request was sent", now);
    return;
  }
  if (core::Lane* lane = connection.lane; lane != nullptr && !lane->any_byte) {
    lane->any_byte = true;
    record_of(*lane).first_byte = now.mono.ns - lane->request->began.ns;
  }
  if (connection.stopped || !connection.pending.empty()) {
    connection.pending.consume(connection.pending_taken);  // told by now
    connection.pending_taken = 0;
    if (!connection.pending.append(client.pool, bytes.data(), bytes.size())) {
      on_broken(connection, UV_ENOMEM, {}, now);
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
    if (connection.tls == nullptr || connection.state == ConnectionState::closing) return;
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
        if (!connection.stopped && connection.pending.empty()) on_stream_end(connection, true, now);
        return;
      case wire::TlsStatus::truncated:
        connection.end = StreamEnd::cut;
        if (!connection.stopped && connection.pending.empty()) on_stream_end(connection, false, now);
        return;
      case wire::TlsStatus::failed:
        on_broken(connection, wire::tls_error(connection.tls), wire::tls_why(connection.tls).view(),
                  now);
        return;
    }
  }
}

// What came off the socket: > 0 bytes in scratch, 0 the end, negative an error.
void take_received(Connection& connection, ssize_t n, core::Now now) {
  Client& client = *connection.client;
  if (n == UV_EAGAIN) return;
  if (n > 0) {
    client.bytes_received += static_cast<uint64_t>(n);
    if (connection.lane != nullptr)
      record_of(*connection.lane).bytes_received += static_cast<uint64_t>(n);
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
    on_broken(connection, error, {}, now);
  } else if (connection.tls != nullptr) {
    wire::tls_feed_end(connection.tls);
    if (connection.state == ConnectionState::handshaking) {
      connection_handshake(connection, now);
    } else {
      read_tls(connection, now);
    }
  } else {
    on_stream_end(connection, true, now);
  }
}

bool is_open(const Connection& connection) {
  return connection.state != ConnectionState::closing && connection.socket != nullptr;
}

}  // namespace

void connection_read(Connection& connection, core::Now now) {
  Client& client = *connection.client;
  for (int round = 0; round < kFullReadsMax; ++round) {
    // While TLS is held in the middle, what was lent to it must be used up at once: small reads.
    const size_t want = connection.tls == nullptr ? kReadBytes : kReadBytes / 2;
    const ssize_t n = socket_recv(connection.socket, client.scratch, want);
    take_received(connection, n, now);
    if (n != static_cast<ssize_t>(want) || !is_open(connection) || connection.stopped) return;
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

void connection_stop(Connection& connection) {
  if (connection.stopped) return;
  connection.stopped = true;
  (void)socket_poll(connection.socket, connection.sending ? UV_WRITABLE : 0);
}

// Keeps what is left of the input, which stands in scratch memory or in `pending` itself. There nothing
// moves yet: the span in front of it may still have to be told.
static void consume_items(Connection& connection, MayPump may_pump, core::Now now) {
  Client& client = *connection.client;
  const bool from_pending = !connection.pending.empty();
  const auto keep_rest = [&] {
    if (from_pending) {
      connection.pending_taken = connection.pending.size() - connection.input.size();
    } else if (!connection.input.empty() &&
               !connection.pending.append(client.pool, connection.input.data(),
                                          connection.input.size())) {
      on_broken(connection, UV_ENOMEM, {}, now);
    }
    connection.input = {};
  };
  for (;;) {
    if (client.engine.any_user()) {
      if (may_pump == MayPump::yes && !client.pumping) {
        client_pump(client, now);
      } else {
        if (connection.state == ConnectionState::leased ||
            connection.state == ConnectionState::draining) {
          connection_stop(connection);
          client_read_on(client, connection);
          keep_rest();
        }
        return;
      }
    }
    if (connection.state != ConnectionState::leased && connection.state != ConnectionState::draining)
      return;
    if (must_stop(connection)) {
      connection_stop(connection);
      client.engine.body_paused(*connection.lane);
      keep_rest();
      return;
    }
    if (connection.whole) return;
    if (!begin_parsing(connection)) {
      on_broken(connection, UV_ENOMEM, {}, now);
      return;
    }
    const wire::Parsed parsed = connection.parser->feed(connection.input);
    connection.input.remove_prefix(parsed.consumed);
    if (parsed.item == wire::Item::end) connection_stop_parsing(connection);
    if (connection.state == ConnectionState::draining) {
      drain(connection, parsed, now);
    } else {
      take_item(connection, *connection.lane, parsed, now);
    }
    if (connection.state == ConnectionState::closing || connection.state == ConnectionState::idle)
      return;
    if (parsed.item == wire::Item::need_more) break;
    if (connection.lane == nullptr && connection.state == ConnectionState::leased) return;
    if (parsed.item == wire::Item::end && !connection.whole) return;  // it serves the next one already
  }
  forget_input(connection);
}

void connection_stop_parsing(Connection& connection) {
  wire::ResponseParser* parser = connection.parser;
  if (parser == nullptr) return;
  connection.parser = nullptr;
  Client& client = *connection.client;
  if (client.spare_parser == nullptr) {
    client.spare_parser = parser;
  } else {
    client.pool.give({parser, sizeof *parser});
  }
}

void connection_consume(Connection& connection, MayPump may_pump, core::Now now) {
  connection.consuming = true;
  consume_items(connection, may_pump, now);
  connection.consuming = false;
}

// From the pump. Whole responses that waited for a verdict, spans kept back, the end of the stream.
void connection_resume(Connection& connection, core::Now now) {
  Client& client = *connection.client;
  if (!is_open(connection)) return;
  if (connection.state == ConnectionState::idle) {  // its whole response was not wanted
    if (connection.stopped) (void)socket_poll(connection.socket, UV_READABLE);
    connection.stopped = false;
    return;
  }
  core::Lane* lane = connection.lane;
  if (must_stop(connection)) return;
  if (lane != nullptr && lane->exchange == ExchangeState::receiving) {
    Request& request = request_of(*lane);
    const bool previewed = request.streamed && !connection.response.body.empty();
    if (previewed) {
      request.span = connection.response.body.view();
      client.engine.post(request, shell_work::kBody);
      connection.response.body.clear();
      client_read_on(client, connection);
      return;
    }
    if (connection.whole) {
      on_end(connection, *lane, now);
      return;
    }
  }
  if (connection.stopped) {
    connection.stopped = false;
    const int events = UV_READABLE | (connection.sending ? UV_WRITABLE : 0);
    if (const int rc = socket_poll(connection.socket, events); rc != 0) {
      on_broken(connection, rc, {}, now);
      return;
    }
  }
  if (connection.consuming) return;  // whoever called the pump goes on with it
  // Even with nothing left to parse: the message may end where it stopped.
  connection.input = core::part(connection.pending.view(), connection.pending_taken);
  connection.pending_taken = connection.pending.size();
  connection_consume(connection, MayPump::no, now);
  if (!is_open(connection) || connection.stopped) return;
  if (connection.end != StreamEnd::none) {
    on_stream_end(connection, connection.end == StreamEnd::clean, now);
  }
}

void connection_on_socket(Socket* socket, int status, int events) {
  auto& connection = *static_cast<Connection*>(socket->poll.data);
  Client& client = *connection.client;
  const core::Now now = client_enter(client);
  if ((events & UV_WRITABLE) != 0 && is_open(connection)) {
    if (connection.state == ConnectionState::handshaking) {
      (void)socket_poll(socket, UV_READABLE);
      (void)connection_flush_tls(connection);
    } else if (connection.sending) {
      connection_send_on(connection, now);
    } else {
      (void)socket_poll(socket, connection.stopped ? 0 : UV_READABLE);
    }
  }
  if (((events & UV_READABLE) != 0 || status < 0) && is_open(connection) && !connection.stopped) {
    connection_read(connection, now);
    // libuv stops a handle that met an error: what comes behind the bytes just read must still be seen.
    if (status < 0 && is_open(connection) && !connection.stopped) (void)socket_poll(socket, UV_READABLE);
  }
  client_leave(client, now);
}

}  // namespace pester::uv
