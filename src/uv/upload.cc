// SPDX-License-Identifier: MIT
#include "uv/upload.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <new>

#include "uv/client.h"
#include "wire/chunk_writer.h"

namespace pester::uv {

namespace {

using core::ExchangeState;

// The exchange with that number still waits for the source; what a callback did may have ended it.
bool is_waiting(const Request& request, uint32_t exchange) {
  const core::Lane& lane = request.lanes[0];
  if (lane.exchange != ExchangeState::sending || lane.connection == nullptr) return false;
  return request.upload()->exchange == exchange &&
         static_cast<const Connection*>(lane.connection)->sending == Sending::upload_waits;
}

void give_room(Upload& upload, wire::BlockPool& pool) {
  pool.give(upload.room);
  upload.room = {};
}

bool take_room(Upload& upload, wire::BlockPool& pool) {
  if (upload.room.at == nullptr) upload.room = pool.take(kUploadRoomBytes);
  return upload.room.at != nullptr;
}

void fail(Connection& connection, core::Lane& lane, int error, std::string_view detail, core::Now now) {
  connection.sending = Sending::nothing;
  Request& request = request_of(lane);
  if (lane.record >= 0) {
    request.extras[lane.record].detail = request_keep_text(request, request.client->pool, detail);
  }
  connection.client->engine.source_failed(lane, error, now.mono);
}

void fail(Connection& connection, core::Lane& lane, const core::Why& why, core::Now now) {
  fail(connection, lane, PESTER_ESOURCE, why.view(), now);
}

// There is nothing to send: the socket is polled for its input alone.
bool rest_socket(Connection& connection, core::Lane& lane, core::Now now) {
  connection.sending = Sending::upload_waits;
  const int rc = socket_poll(connection.socket, connection.stopped ? 0 : UV_READABLE);
  if (rc != 0) connection.client->engine.failed(lane, rc, now.mono);
  return rc == 0;
}

// All that there was is out: the source is asked by the pump, in this turn of the loop or, when it has
// given much already, in the next, when the socket is told to take more.
void ask_source(Connection& connection, core::Lane& lane, Upload& upload, core::Now now) {
  Client& client = *connection.client;
  if (upload.entry != client.entry) upload.turns = 0;
  upload.entry = client.entry;
  if (!upload.waits && upload.turns >= kUploadTurnsMax) {
    connection.sending = Sending::upload;
    connection_wait_for_socket(connection, lane, now);
    return;
  }
  client.engine.send_waits(lane, connection.taken != 0, core::Duration::never(), now.mono);
  if (!rest_socket(connection, lane, now) || upload.waits) return;
  ++upload.turns;
  client.engine.post(request_of(lane), shell_work::kSource);
}

void await_continue(Connection& connection, core::Lane& lane, const Upload& upload, core::Now now) {
  if (lane.awaits_continue) return;  // its time runs
  if (!rest_socket(connection, lane, now)) return;
  connection.client->engine.send_waits(lane, true, upload.continue_wait, now.mono);
}

void take_piece(Connection& connection, Upload& upload, std::string_view piece) {
  upload.piece = piece;
  upload.piece_at = connection.taken;
  connection.to_send += piece.size();
  connection.sending = Sending::upload;
}

// ---- what the source has given

bool end_chunks(Client& client, Request& request, uint32_t exchange, core::Why* why, int* error) {
  Upload& upload = *request.upload();
  if (!upload.asks_trailers) return true;
  upload.trailers.clear();
  *error = client.hooks.trailers(request, &upload.trailers, why);
  return is_waiting(request, exchange);
}

// The source has ended.
void take_end(Client& client, Request& request, core::Lane& lane) {
  Upload& upload = *request.upload();
  Connection& connection = connection_of(lane);
  core::Why why;
  if (upload.length != wire::kChunkedBody) {
    why.add("the body's source ended early: ").add(static_cast<int64_t>(upload.length - upload.given));
    why.add(" of ").add(static_cast<int64_t>(upload.length)).add(" bytes are missing");
    fail(connection, lane, why, client_now(client));
    return;
  }
  int error = 0;
  if (!end_chunks(client, request, upload.exchange, &why, &error)) return;
  const core::Now now = client_now(client);
  if (error != 0) {
    fail(connection, lane, error, why.view(), now);
    return;
  }
  constexpr std::string_view kLine = "\r\n";
  auto* const room = static_cast<char*>(upload.room.at);
  char* out = std::copy(wire::kLastChunk.begin(), wire::kLastChunk.end(), room);
  out = std::copy_n(upload.trailers.data(), upload.trailers.size(), out);
  out = std::copy(kLine.begin(), kLine.end(), out);
  upload.ended = true;
  take_piece(connection, upload, {room, static_cast<size_t>(out - room)});
  upload_send_on(connection, lane, now);
}

void take_bytes(Client& client, core::Lane& lane, Upload& upload, size_t count) {
  Connection& connection = connection_of(lane);
  const core::Now now = client_now(client);
  auto* const room = static_cast<char*>(upload.room.at);
  upload.given += count;
  if (upload.length == wire::kChunkedBody) {
    take_piece(connection, upload, wire::frame_chunk(room, count));
  } else if (upload.given <= upload.length) {
    upload.ended = upload.given == upload.length;
    take_piece(connection, upload, {room, count});
  } else {
    core::Why why;
    why.add("the body's source gave more than the ").add(static_cast<int64_t>(upload.length));
    fail(connection, lane, why.add(" bytes that it said"), now);
    return;
  }
  upload_send_on(connection, lane, now);
}

// One byte more than is left, of a known length, so that a source that is longer shows.
size_t ask_bytes(const Upload& upload) {
  if (upload.length == wire::kChunkedBody) {
    return kUploadRoomBytes - wire::kChunkHeadBytes - wire::kChunkTailBytes;
  }
  const uint64_t left = upload.length - upload.given;
  return left < kUploadRoomBytes ? static_cast<size_t>(left) + 1 : kUploadRoomBytes;
}

void read_source(Client& client, Request& request, core::Lane& lane) {
  Upload& upload = *request.upload();
  const uint32_t exchange = upload.exchange;
  if (!take_room(upload, client.pool)) {
    Connection& connection = connection_of(lane);
    connection.sending = Sending::nothing;
    client.engine.failed(lane, UV_ENOMEM, client_now(client).mono);
    return;
  }
  const size_t head = upload.length == wire::kChunkedBody ? wire::kChunkHeadBytes : 0;
  const size_t capacity = ask_bytes(upload);
  upload.ready = false;
  const int64_t count =
      client.hooks.source(request, static_cast<char*>(upload.room.at) + head, capacity);
  if (count >= 0) {
    upload.begun = true;
    if (!upload.rewinds) request.body_gone = true;
  }
  if (!is_waiting(request, exchange)) return;
  Connection& connection = connection_of(lane);
  if (count == kSourceNotNow) {
    upload.waits = !upload.ready;
    if (upload.waits) give_room(upload, client.pool);
    upload_send_on(connection, lane, client_now(client));
  } else if (count == 0) {
    take_end(client, request, lane);
  } else if (count < 0) {
    fail(connection, lane, static_cast<int>(std::max<int64_t>(count, INT_MIN)),
         "the body's source failed", client_now(client));
  } else if (static_cast<uint64_t>(count) > capacity) {
    core::Why why;
    fail(connection, lane, why.add("the body's source gave more bytes than there was room for"),
         client_now(client));
  } else {
    take_bytes(client, lane, upload, static_cast<size_t>(count));
  }
}

void rewind_source(Client& client, Request& request, core::Lane& lane) {
  Upload& upload = *request.upload();
  const uint32_t exchange = upload.exchange;
  const int error = client.hooks.rewind(request);
  if (error == 0) upload.begun = upload.rewind_due = false;
  if (!is_waiting(request, exchange)) return;
  Connection& connection = connection_of(lane);
  if (error != 0) {
    fail(connection, lane, error, "the body's source could not be rewound", client_now(client));
    return;
  }
  connection.sending = Sending::upload;
  upload_send_on(connection, lane, client_now(client));
}

}  // namespace

void* upload_block(Request& request, wire::BlockPool& pool, size_t size) {
  Rare* const rare = request_rare(request, pool);
  return rare != nullptr ? pool.take(size).at : nullptr;
}

void upload_release(Upload& upload, wire::BlockPool& pool) {
  give_room(upload, pool);
  upload.head_fields.release(pool);
  upload.trailers.release(pool);
  pool.give({&upload, upload.block_bytes});
}

bool upload_expects(const Request& request) {
  const Upload* const upload = request.upload();
  return upload != nullptr && upload->continue_wait.ns != 0 && !upload->without_expect &&
         upload->length != 0;
}

bool upload_begin(Connection& connection, Request& request) {
  constexpr std::string_view kExpect = "Expect: 100-continue\r\n", kLine = "\r\n";
  Upload& upload = *request.upload();
  wire::BlockPool& pool = connection.client->pool;
  wire::Bytes& head = connection.own_head;
  ++upload.exchange;
  upload.given = upload.turns = 0;
  upload.piece = {};
  upload.ended = upload.length == 0;
  upload.waits = upload.ready = false;
  upload.rewind_due = upload.begun;
  upload.expects = upload_expects(request);
  connection.lane->awaits_continue = false;
  connection.sending = upload.rewind_due ? Sending::upload_waits : Sending::upload;
  if (!head.reserve(pool, upload.head_fields.size() + kExpect.size() + kLine.size())) return false;
  head.set_size(head.size() - kLine.size());  // the empty line
  bool ok = head.append(pool, upload.head_fields.data(), upload.head_fields.size());
  if (upload.expects) ok = ok && head.append(pool, kExpect.data(), kExpect.size());
  return ok && head.append(pool, kLine.data(), kLine.size());
}

std::string_view upload_piece(const Connection& connection, const Request& request) {
  const Upload& upload = *request.upload();
  std::string_view rest = upload.piece;
  rest.remove_prefix(connection.taken - upload.piece_at);
  return rest;
}

void upload_send_on(Connection& connection, core::Lane& lane, core::Now now) {
  Request& request = request_of(lane);
  Upload& upload = *request.upload();
  if (upload.rewind_due) {
    connection.client->engine.post(request, shell_work::kSource);
    return;
  }
  for (;;) {
    if (!connection_send_all(connection, lane, now)) return;
    if (upload.expects) {
      await_continue(connection, lane, upload, now);
      return;
    }
    if (upload.ended) {
      give_room(upload, connection.client->pool);
      connection_sent(connection, lane, now);
      return;
    }
    if (!upload.from_memory) {
      ask_source(connection, lane, upload, now);
      return;
    }
    upload.ended = true;
    take_piece(connection, upload, request.body());
  }
}

void upload_continue(Connection& connection, core::Now now) {
  core::Lane* const lane = connection.lane;
  if (lane == nullptr || lane->exchange != ExchangeState::sending) return;
  Upload* const upload = request_of(*lane).upload();
  if (upload == nullptr || !upload->expects || connection.taken != connection.to_send) return;
  upload->expects = false;
  lane->awaits_continue = false;
  connection_send_on(connection, now);
}

void upload_feed(Client& client, Request& request) {
  const Upload* const upload = request.upload();
  if (upload == nullptr || !is_waiting(request, upload->exchange)) return;
  core::Lane& lane = request.lanes[0];
  if (upload->rewind_due) {
    rewind_source(client, request, lane);
  } else if (!upload->expects && !upload->waits) {
    read_source(client, request, lane);
  }
}

}  // namespace pester::uv
