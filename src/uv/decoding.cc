// SPDX-License-Identifier: MIT
#include "uv/decoding.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/text.h"
#include "uv/client.h"

namespace pester::uv {

namespace {

using core::ExchangeState;

// Whose head and counts the user sees of the lane's body.
Response& response_of(Connection& connection, core::Lane& lane) {
  return lane.resuming ? request_of(lane).response : connection.response;
}

// Where the decoder of the lane's body is kept.
Decoding** place_of(Connection& connection, core::Lane& lane) {
  return lane.resuming ? &request_of(lane).rare->decoding : &connection.decoding;
}

Decoding* find(Connection& connection) {
  core::Lane* const lane = connection.lane;
  if (lane == nullptr || !lane->resuming) return connection.decoding;
  return *place_of(connection, *lane);
}

// nullptr when memory is out.
Decoding* make(Client& client, const Request& request, const wire::ResponseHead& head) {
  wire::Codings codings;
  (void)wire::read_codings(head, &codings);  // they were known when the head came
  const wire::Block block = client.pool.take(sizeof(Decoding));
  if (block.at == nullptr) return nullptr;
  auto* const decoding = ::new (block.at) Decoding;
  decoding->out = static_cast<char*>(client.pool.take(kDecodedBytes).at);
  const wire::DecodeLimits limits = {request.body_bytes_max, client.options.decode_ratio};
  if (decoding->decoder.open(codings, client.pool, limits) && decoding->out != nullptr) return decoding;
  decoding_free(decoding, client.pool);
  return nullptr;
}

// Nothing that follows can be right, not even in another response.
void fail(Connection& connection, core::Lane& lane, int error, std::string_view detail, core::Now now) {
  Request& request = request_of(lane);
  if (request.resumable && request.winner == lane.index) request.resumable = false;
  connection.decodes_on = false;
  connection_fail(connection, lane, error, detail, now);
}

void keep_tail(Decoding& decoding, std::string_view span) {
  const size_t fresh = std::min(span.size(), sizeof decoding.tail);
  const size_t kept = std::min<size_t>(decoding.tail_bytes, sizeof decoding.tail - fresh);
  std::memmove(decoding.tail, decoding.tail + decoding.tail_bytes - kept, kept);
  std::memcpy(decoding.tail + kept, span.data() + span.size() - fresh, fresh);
  decoding.tail_bytes = static_cast<uint32_t>(kept + fresh);
}

// Behind what is not taken yet. False when memory is out.
bool add_input(Decoding& decoding, wire::BlockPool& pool, std::string_view span) {
  if (decoding.input.empty()) {
    decoding.input = span;
    decoding.is_held = false;
    return true;
  }
  const size_t before = decoding.input.size();  // all of it is held, since the connection was stopped
  decoding.held.consume(decoding.held.size() - before);
  if (!decoding.held.append(pool, span.data(), span.size())) return false;
  decoding.input = decoding.held.view();
  return true;
}

// Is one piece told at a time, or are they gathered?
bool is_streaming(const Request& request, const core::Lane& lane) {
  return request.streamed && lane.exchange == ExchangeState::receiving;
}

}  // namespace

void decoding_free(Decoding* decoding, wire::BlockPool& pool) {
  decoding->decoder.close(pool);
  decoding->held.release(pool);
  pool.give({decoding->out, kDecodedBytes});
  pool.give({decoding, sizeof *decoding});
}

// What has no body, or a part of one, is left as it is.
int decoding_head(Connection& connection, core::Lane& lane, core::Why* why) {
  constexpr uint16_t kFinal = 200, kNoContent = 204, kPartial = 206, kNotModified = 304;
  wire::ResponseHead& head = connection.response.head;
  const Request& request = request_of(lane);
  decoding_stop(connection);
  lane.decoding = lane.resuming && request.response.decoded();
  const bool is_whole = !lane.resuming && !connection.no_body && head.status >= kFinal &&
                        head.status != kNoContent && head.status != kPartial &&
                        head.status != kNotModified;
  if (!is_whole || !request.decodes) return 0;
  wire::Codings codings;
  switch (wire::read_codings(head, &codings)) {
    case wire::CodingsFound::known:
      wire::hide_coding_fields(&head);
      connection.response.coded_bytes = 0;
      lane.decoding = true;
      return 0;
    case wire::CodingsFound::too_many:
      why->add("Content-Encoding: more than ").add(int64_t{wire::kCodingsMax}).add(" codings");
      return PESTER_EBODYSIZE;
    case wire::CodingsFound::none:
    case wire::CodingsFound::unknown:
      return 0;
  }
  return 0;
}

void decoding_body(Connection& connection, core::Lane& lane, std::string_view span, core::Now now) {
  Client& client = *connection.client;
  Response& response = response_of(connection, lane);
  Decoding** const place = place_of(connection, lane);
  if (*place == nullptr) *place = make(client, request_of(lane), response.head);
  Decoding* const decoding = *place;
  if (decoding == nullptr || !add_input(*decoding, client.pool, span)) {
    fail(connection, lane, UV_ENOMEM, {}, now);
    return;
  }
  keep_tail(*decoding, span);
  response.add_coded(span.size());
  decoding_go_on(connection, lane, now);
}

void decoding_go_on(Connection& connection, core::Lane& lane, core::Now now) {
  Client& client = *connection.client;
  Request& request = request_of(lane);
  Response& response = response_of(connection, lane);
  Decoding& decoding = **place_of(connection, lane);
  do {
    core::Why why;
    const auto piece = decoding.decoder.next(&decoding.input, decoding.out, kDecodedBytes, &why);
    decoding.more = piece.more || !decoding.input.empty();
    connection.decodes_on = decoding.more;
    response.body_bytes += piece.bytes;
    const std::string_view span = {decoding.out, piece.bytes};
    if (piece.error != 0) {
      fail(connection, lane, piece.error, why.view(), now);
      return;
    }
    if (span.empty()) continue;
    if (is_streaming(request, lane)) {
      request_tell_span(request, span);
      client.engine.post(request, shell_work::kBody);
      return;
    }
    if (const int error = connection_gather(connection, lane, span); error != 0) {
      fail(connection, lane, error, {}, now);
      return;
    }
    if (lane.previewing && response.body.size() >= kPreviewBytes) {
      client.engine.preview_ready(lane, now.mono);
      return;
    }
  } while (decoding.more);
}

bool decoding_end(Connection& connection, core::Lane& lane, core::Now now) {
  Decoding* const decoding = find(connection);
  if (decoding == nullptr) return true;
  if (decoding->more) {  // kept from before the body broke off
    decoding_go_on(connection, lane, now);
    if (connection_is_open(connection)) client_read_on(*connection.client, connection);
    return false;
  }
  core::Why why;
  if (const int error = decoding->decoder.finish(&why); error != 0) {
    fail(connection, lane, error, why.view(), now);
    return false;
  }
  decoding_stop(connection);
  return true;
}

bool decoding_hold(Connection& connection) {
  Decoding* const decoding = find(connection);
  if (decoding == nullptr || decoding->input.empty() || decoding->is_held) return true;
  wire::Bytes& held = decoding->held;
  held.clear();
  if (!held.append(connection.client->pool, decoding->input.data(), decoding->input.size())) {
    decoding->input = {};
    if (connection.lane != nullptr) request_of(*connection.lane).resumable = false;
    return false;
  }
  decoding->input = held.view();
  decoding->is_held = true;
  return true;
}

void decoding_hand_over(Connection& connection, Request& request) {
  if (!request.resumable || !request.head_told || connection.decoding == nullptr) return;
  if (!decoding_hold(connection)) request.resumable = false;
  request.rare->decoding = connection.decoding;
  connection.decoding = nullptr;
}

void decoding_stop(Connection& connection) {
  connection.decodes_on = false;
  if (connection.decoding == nullptr) return;
  decoding_free(connection.decoding, connection.client->pool);
  connection.decoding = nullptr;
}

}  // namespace pester::uv
