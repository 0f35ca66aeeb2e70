// SPDX-License-Identifier: MIT
// The message that a connection brings: what the parser makes of the bytes goes to the engine and the
// user, one item at a time, each told before the next is parsed. Refuses to know where bytes come from.
#include <algorithm>
#include <ctime>
#include <new>

#include "core/retry_after.h"
#include "core/text.h"
#include "uv/body_aside.h"
#include "uv/client.h"
#include "uv/collapse.h"
#include "uv/connection.h"
#include "uv/cookies.h"
#include "uv/decoding.h"
#include "uv/follow.h"
#include "uv/journal.h"
#include "uv/resume.h"
#include "uv/stream.h"
#include "uv/upgrade.h"
#include "uv/upload.h"

namespace pester::uv {

namespace {

using core::ConnectionState;
using core::ExchangeState;

// Is the user's word needed, or the body not wanted yet?
bool must_stop(const Connection& connection) {
  const core::Lane* lane = connection.lane;
  if (lane == nullptr) return false;
  if (lane->question != core::Question::none || lane->held) return true;
  const auto& request = static_cast<const Request&>(*lane->request);
  return request.paused && request.winner == lane->index && lane->exchange == ExchangeState::receiving;
}

void fail_parse(Connection& connection, core::Lane& lane, core::Now now) {
  connection_fail(connection, lane, connection.parser->error(), connection.parser->why().view(), now);
}

// When the server asks to be left alone until then. A 200 is never read for it.
uint32_t retry_after_s(const wire::ResponseHead& head) {
  constexpr uint16_t kOk = 200;
  if (head.status == kOk) return 0;
  const std::string_view value = head.find("retry-after");
  return value.empty() ? 0 : core::parse_retry_after(value, head.find("date"), time(nullptr));
}

// Whoever reads more of it than what frames it. False: it is of no use to anybody.
[[gnu::noinline]] bool attend_head(Connection& connection, core::Lane& lane, core::Now now) {
  if (!lane.resuming && !upgrade_take_head(connection, lane, now)) return false;
  core::Why why;
  int error = cookies_keep(connection, lane) ? 0 : int{UV_ENOMEM};
  if (error == 0 && !connection.switches) error = decoding_head(connection, lane, &why);
  if (error != 0) {
    connection_fail(connection, lane, error, why.view(), now);
    return false;
  }
  if (lane.resuming) {
    resume_check_head(connection, lane);
  } else if (!connection.switches) {
    follow_look(connection, lane);
  }
  if (request_of(lane).is_run) collapse_look(connection, lane, now);
  return true;
}

void on_head(Connection& connection, core::Lane& lane, core::Now now) {
  Client& client = *connection.client;
  Request& request = request_of(lane);
  connection.response.any = true;
  connection.fit = connection.parser->persistent() && !request.wants_close &&
                   lane.exchange == ExchangeState::awaiting;
  connection.keep_alive_s = connection.parser->keep_alive_timeout_s();
  connection.body_left = connection.parser->body_bytes_left();
  record_of(lane).received_traffic.set_head(connection.parser->message_bytes());
  if (client.options.trace) journal_head(client, lane, connection.response.head);
  if (lane.exchange == ExchangeState::sending) {  // an early answer: the rest is not sent
    connection.sending = Sending::nothing;
  }
  if (connection.body_left != UINT64_MAX && !request.streamed && request.into == nullptr) {
    const uint64_t want = std::min({connection.body_left, request.body_bytes_max, uint64_t{8} << 20});
    (void)connection.response.body.reserve(client.pool, static_cast<size_t>(want) + 1);
  }
  if (request.attends && !attend_head(connection, lane, now)) return;
  const wire::ResponseHead& head = connection.response.head;
  if (client.watch.is_on()) client.engine.held_up(client.watch.lag());
  client.engine.head(lane, head.status, retry_after_s(head), now.mono);
}

// Inline for on_body, though decoding needs it too.
[[gnu::always_inline]] inline int gather(Connection& connection, core::Lane& lane,
                                         std::string_view span) {
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
  if (lane.resuming || lane.following || lane.decoding) {
    body_aside_take(connection, lane, span, now);
    return;
  }
  connection.response.body_bytes += span.size();
  if (request.streamed && lane.exchange == ExchangeState::receiving) {
    connection_stream(connection, lane, span, connection.response.body_bytes, now);
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

[[gnu::always_inline]] inline void keep_response(Connection& connection, Request& request,
                                                 core::Fate fate) {
  Client& client = *connection.client;
  if (fate == core::Fate::discard) return;
  Response& response = connection.response;
  if (connection.shown_to != nullptr && connection.shown_to != &request) connection_part(connection);
  request.response.release(client.pool);
  request.response = response;
  request_show(request, &request.response);
  response = Response{};
}

void on_end(Connection& connection, core::Lane& lane, core::Now now) {
  Client& client = *connection.client;
  Request& request = request_of(lane);
  if (connection_has_input(connection)) connection.fit = false;
  connection_forget_input(connection);
  connection.whole = true;
  if (lane.is_aside() && body_aside_end(connection, lane, now)) return;
  connection_read_again(connection);
  const bool too_long = request.into != nullptr && connection.response.body.size() > request.into_size;
  if (too_long) {
    connection_fail(connection, lane, PESTER_EBODYSIZE, {}, now);
    return;
  }
  keep_response(connection, request, client.engine.complete(lane, now.mono));
}

// HTTP ends here. What has come behind the head is the new protocol's.
[[gnu::noinline]] void on_switched(Connection& connection, core::Lane& lane, core::Now now) {
  Client& client = *connection.client;
  Request& request = request_of(lane);
  connection_stop_parsing(connection);
  if (!connection.whole && !upgrade_keep_unread(connection)) {
    connection_fail(connection, lane, UV_ENOMEM, {}, now);
    return;
  }
  connection.whole = true;
  if (lane.previewing) {
    client.engine.preview_ready(lane, now.mono);
    return;
  }
  connection.stopped = false;
  const core::Fate fate = client.engine.complete(lane, now.mono);
  if (connection.state == ConnectionState::handed_over) {
    stream_begin(connection);
    request.rare->upgrade->stream = connection.stream;
  }
  keep_response(connection, request, fate);
}

// A 100 is for the upload; any of them is told to who wants to know, while nobody has heard of a final
// one.
[[gnu::noinline]] void on_informational(Connection& connection, core::Lane& lane, core::Now now) {
  constexpr uint16_t kContinue = 100;
  Request& request = request_of(lane);
  if (request.rare == nullptr) return;
  if (request.rare->on_informational != nullptr && !request.head_told) {
    connection.informs = true;
    connection.client->engine.post(request, shell_work::kInformational);
  }
  if (connection.response.head.status == kContinue) upload_continue(connection, now);
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
      on_informational(connection, lane, now);
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
    case wire::Item::switched:
      on_switched(connection, lane, now);
      return;
    case wire::Item::error:
      fail_parse(connection, lane, now);
      return;
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
  const core::Lane* lane = connection.lane;
  if (lane != nullptr && static_cast<const Request*>(lane->request)->attends) {
    upgrade_prepare(*static_cast<const Request*>(lane->request), parser);
  }
  return true;
}

// Keeps what is left of the input, which stands in scratch memory or in `pending` itself. There nothing
// moves yet: the span in front of it may still have to be told.
void consume_items(Connection& connection, MayPump may_pump, core::Now now) {
  Client& client = *connection.client;
  const bool from_pending = !connection.pending.empty();
  const auto keep_rest = [&] {
    if (from_pending) {
      connection.pending_taken = connection.pending.size() - connection.input.size();
    } else if (!connection.input.empty() &&
               !connection.pending.append(client.pool, connection.input.data(),
                                          connection.input.size())) {
      connection_broken(connection, UV_ENOMEM, {}, now);
    }
    connection.input = {};
    if (connection.decodes_on && !decoding_hold(connection)) {
      connection_broken(connection, UV_ENOMEM, {}, now);
    }
  };
  for (;;) {
    if (client.engine.any_user()) {
      if (may_pump == MayPump::yes && !client.pumping && !connection.decodes_on) {
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
      connection_broken(connection, UV_ENOMEM, {}, now);
      return;
    }
    const wire::Parsed parsed = connection.parser->feed(connection.input);
    connection.input.remove_prefix(parsed.consumed);
    if (parsed.item == wire::Item::end) connection_stop_parsing(connection);
    if (connection.state == ConnectionState::draining) {
      body_aside_drain(connection, parsed, now);
    } else {
      take_item(connection, *connection.lane, parsed, now);
    }
    if (connection.state == ConnectionState::closing || connection.state == ConnectionState::idle)
      return;
    if (parsed.item == wire::Item::need_more) break;
    if (connection.lane == nullptr && connection.state == ConnectionState::leased) return;
    if (parsed.item == wire::Item::end && !connection.whole) return;  // it serves the next one already
  }
  connection_forget_input(connection);
}

}  // namespace

void connection_stream(Connection& connection, core::Lane& lane, std::string_view span,
                       uint64_t body_bytes, core::Now now) {
  Request& request = request_of(lane);
  if (body_bytes > request.body_bytes_max) {
    connection_fail(connection, lane, PESTER_EBODYSIZE, {}, now);
    return;
  }
  if (request.resume() != nullptr) resume_keep(request, span);
  request_tell_span(request, span);
  connection.client->engine.post(request, shell_work::kBody);
}

int connection_gather(Connection& connection, core::Lane& lane, std::string_view span) {
  return gather(connection, lane, span);
}

void connection_stop(Connection& connection) {
  if (connection.stopped) return;
  connection.stopped = true;
  (void)socket_poll(connection.socket, connection_wants_write(connection) ? UV_WRITABLE : 0);
}

void connection_read_again(Connection& connection) {
  connection.idle_entry = connection.client->entry;
  if (!connection.stopped) return;
  connection.stopped = false;
  (void)socket_poll(connection.socket, UV_READABLE);
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

// The stream has ended: a message that ends so is whole, any other is broken.
void connection_finish(Connection& connection, core::Lane& lane, bool clean, core::Now now) {
  if (!begin_parsing(connection)) {
    connection_fail(connection, lane, UV_ENOMEM, {}, now);
    return;
  }
  const wire::Item item = connection.parser->finish(clean);
  if (item == wire::Item::end) {
    connection_stop_parsing(connection);
    on_end(connection, lane, now);
  } else if (item == wire::Item::switched) {
    on_switched(connection, lane, now);
  } else if (connection.send_error != 0 && !connection.parser->any_byte()) {
    connection_fail(connection, lane, connection.send_error, {}, now);
  } else {
    fail_parse(connection, lane, now);
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
  if (connection.stream != nullptr && connection.stream->handed) {
    stream_tell(connection);
    return;
  }
  if (!connection_is_open(connection)) return;
  if (connection.state == ConnectionState::idle) {  // its whole response was not wanted
    if (connection.stopped) (void)socket_poll(connection.socket, UV_READABLE);
    connection.stopped = false;
    return;
  }
  core::Lane* lane = connection.lane;
  if (must_stop(connection)) {
    client.engine.body_paused(*lane);
    return;
  }
  if (lane != nullptr && lane->exchange == ExchangeState::receiving) {
    Request& request = request_of(*lane);
    const bool previewed = request.streamed && !connection.response.body.empty();
    if (previewed) {
      request_tell_span(request, connection.response.body.view());
      if (request.resume() != nullptr && !lane->decoding) resume_keep(request, request.span);
      client.engine.post(request, shell_work::kBody);
      connection.response.body.clear();
      client_read_on(client, connection);
      return;
    }
    if (connection.decodes_on) {
      decoding_go_on(connection, *lane, now);
      if (connection_is_open(connection)) client_read_on(client, connection);
      return;
    }
    if (connection.whole) {
      connection.switches ? on_switched(connection, *lane, now) : on_end(connection, *lane, now);
      return;
    }
  }
  if (connection.stopped) {
    connection.stopped = false;
    const int events = UV_READABLE | (connection_wants_write(connection) ? UV_WRITABLE : 0);
    if (const int rc = socket_poll(connection.socket, events); rc != 0) {
      connection_broken(connection, rc, {}, now);
      return;
    }
  }
  if (connection.consuming) return;  // whoever called the pump goes on with it
  // Even with nothing left to parse: the message may end where it stopped.
  connection.input = core::part(connection.pending.view(), connection.pending_taken);
  connection.pending_taken = connection.pending.size();
  connection_consume(connection, MayPump::no, now);
  if (!connection_is_open(connection) || connection.stopped) return;
  if (connection.end != StreamEnd::none) {
    connection_stream_end(connection, connection.end == StreamEnd::clean, now);
  }
}

}  // namespace pester::uv
