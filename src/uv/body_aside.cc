// SPDX-License-Identifier: MIT
#include "uv/body_aside.h"

#include "uv/client.h"
#include "uv/decoding.h"
#include "uv/resume.h"

namespace pester::uv {

namespace {

// Of a body that goes on: what the user has already is only compared.
void stream_rest(Connection& connection, core::Lane& lane, std::string_view span, core::Now now) {
  Request& request = request_of(lane);
  core::Why why;
  if (const int error = resume_take(request, &span, &why); error != 0) {
    connection_fail(connection, lane, error, why.view(), now);
  } else if (span.empty()) {
    return;
  } else if (lane.decoding) {
    decoding_body(connection, lane, span, now);
  } else {
    request.response.body_bytes += span.size();
    connection_stream(connection, lane, span, request.response.body_bytes, now);
  }
}

// The user's response stays the one whose head was told.
void end_rest(Connection& connection, core::Lane& lane, core::Now now) {
  Request& request = request_of(lane);
  core::Why why;
  if (const int error = resume_end(request, &why); error != 0) {
    connection_fail(connection, lane, error, why.view(), now);
    return;
  }
  (void)connection.client->engine.complete(lane, now.mono);
  request_show(request, &request.response);
}

}  // namespace

void body_aside_take(Connection& connection, core::Lane& lane, std::string_view span, core::Now now) {
  if (lane.resuming) {
    stream_rest(connection, lane, span, now);
  } else if (!lane.following) {
    decoding_body(connection, lane, span, now);
  } else if (connection.response.body_bytes += span.size();
             connection.response.body_bytes > core::kDiscardDrainBytes) {
    connection.client->engine.preview_ready(lane, now.mono);  // what follows does not wait for the rest
  }
}

bool body_aside_end(Connection& connection, core::Lane& lane, core::Now now) {
  if (lane.following) {
    connection.idle_entry = connection.client->entry;
    connection.client->engine.preview_ready(lane, now.mono);
  } else if (lane.decoding && !decoding_end(connection, lane, now)) {
    return true;
  } else if (lane.resuming) {
    connection_read_again(connection);
    end_rest(connection, lane, now);
  } else if (lane.previewing) {
    connection.client->engine.preview_ready(lane, now.mono);
  } else {
    return false;
  }
  return true;
}

void body_aside_drain(Connection& connection, const wire::Parsed& parsed, core::Now now) {
  core::Engine& engine = connection.client->engine;
  if (connection.decoding != nullptr) decoding_stop(connection);
  switch (parsed.item) {
    case wire::Item::body:
      if (parsed.body.size() > connection.drain_left) {
        engine.close(connection, now.mono, core::Closing::unfit);
      } else {
        connection.drain_left -= static_cast<uint32_t>(parsed.body.size());
      }
      return;
    case wire::Item::end:
      if (connection_has_input(connection)) connection.fit = false;
      connection_forget_input(connection);
      connection.idle_entry = connection.client->entry;
      engine.drained(connection, now.mono);
      return;
    case wire::Item::switched:  // for nobody any more
    case wire::Item::error:
      engine.lost(connection, now.mono);
      return;
    case wire::Item::head:  // of a loser that was let go before it
      connection.informs = false;
      connection.fit = connection.parser->persistent();
      connection.keep_alive_s = connection.parser->keep_alive_timeout_s();
      connection.body_left = connection.parser->body_bytes_left();
      if (connection.client->watch.is_on()) engine.held_up(connection.client->watch.lag());
      engine.late_head(connection, now.mono);
      return;
    case wire::Item::need_more:
    case wire::Item::informational:
      return;
  }
}

}  // namespace pester::uv
