// SPDX-License-Identifier: MIT
#include "uv/pump.h"

#include <algorithm>
#include <ctime>

#include "core/assert.h"
#include "uv/collapse.h"
#include "uv/follow.h"
#include "uv/journal.h"
#include "uv/names.h"
#include "uv/resume.h"
#include "uv/trim.h"
#include "uv/upload.h"

namespace pester::uv {

namespace {

using core::Duration;
using core::Instant;

// A live client's timer is always armed, since it is what keeps the loop alive.
constexpr int64_t kFarMs = 3'600'000;
// A deadline found over by more than this was held up by the host: the loop gets to read first.
constexpr Duration kLag = Duration::from_ms(5);

void on_timer(uv_timer_t* timer);

// Early is harmless: then it is armed anew.
void start_timer(Client& client, Instant at, int64_t ms) {
  client.timer_at = at;
  uv_timer_start(&client.timer, on_timer, static_cast<uint64_t>(ms), 0);
}

void arm_timer(Client& client, core::Now now) {
  if (client.ending) return;
  const bool live = client.live != nullptr || client.wakes != 0;
  if (live != client.timer_ref) {
    client.timer_ref = live;
    auto* handle = reinterpret_cast<uv_handle_t*>(&client.timer);
    live ? uv_ref(handle) : uv_unref(handle);
  }
  const Instant far = now.mono + Duration::from_ms(kFarMs);
  const Instant next = std::min(client.engine.next_deadline(), client.names_due);
  if (next >= client.timer_at && (!client.timer_at.is_never() || !live)) return;
  // At least a tick: the loop polls between two calls of a timer, so that what has come is read first.
  const Instant at = std::min(next, far);
  start_timer(client, at, std::max((at - now.mono).ms_up(), int64_t{1}));
}

// Lag-proof: when the host held up the loop, what has come in meanwhile is read before any verdict.
// libuv's timers run before the poll (1.44) or after it (1.50): so deadlines that are found over late
// are looked at again a tick later, when the loop has polled for certain.
void expire(Client& client, Instant expected, core::Now now) {
  if (!client.grace.is_never()) {
    expected = client.grace;
    client.grace = Instant::never();
    client.engine.expire(expected, now.mono);
  }
  if (now.mono - expected <= kLag) {
    client.engine.expire(now.mono, now.mono);
  } else if (client.engine.next_deadline() <= now.mono) {
    client.grace = now.mono;
  }
}

void on_timer(uv_timer_t* timer) {
  auto& client = *static_cast<Client*>(timer->data);
  const core::Now now = client_enter(client);
  const Instant expected = client.timer_at;
  client.timer_at = Instant::never();
  expire(client, expected, now);
  if (client.names_due <= now.mono) names_expire(client, now);
  if (client.warmed != nullptr) client.chores |= chore::kWarmUps;
  client_leave(client, now);
}

void open_record(Client& client, core::Lane& lane, core::Now now) {
  Request& request = request_of(lane);
  if (!request_add_record(request, client.pool, lane)) {
    client.engine.refused(lane, UV_ENOMEM, now.mono);
    return;
  }
  core::Record& record = request.records[lane.record];
  core::begin_record(&record, lane, now.mono);
}

void do_lane(Client& client, core::Lane& lane, core::Now now) {
  namespace work = core::lane_work;
  while (lane.work != 0) {
    if ((lane.work & work::kRecord) != 0) {
      lane.work &= static_cast<uint8_t>(~work::kRecord);
      open_record(client, lane, now);
    } else if ((lane.work & work::kSend) != 0) {
      lane.work = 0;
      connection_send(lane, now);
    } else if ((lane.work & work::kDial) != 0) {
      lane.work &= static_cast<uint8_t>(~work::kDial);
      connection_dial(client, lane, now);
    } else if ((lane.work & work::kSpare) != 0) {
      lane.work &= static_cast<uint8_t>(~work::kSpare);
      connection_dial_spare(client, lane, now);
    } else {
      lane.work = 0;
      follow_go(client, lane, now);
    }
  }
}

void do_connection(Client& client, Connection& connection, core::Now now) {
  const uint8_t work = connection.work;
  connection.work = 0;
  if ((work & core::connection_work::kClose) != 0) {
    connection_close(connection);
    return;
  }
  if ((work & core::connection_work::kNextAddress) != 0) connection_next_address(connection, now);
  if ((work & core::connection_work::kRead) != 0) client_read_on(client, connection);
  if ((work & core::connection_work::kSendOn) != 0) upload_continue(connection, now);
}

void show(Request& request, const core::Lane& lane) {
  auto* connection = static_cast<Connection*>(lane.connection);
  if (connection != nullptr && connection->response.any) {
    connection_show(*connection, request);
  } else {
    request_show(request, nullptr);
  }
}

void ask_user(Client& client, Request& request, core::Question question) {
  for (int i = 0; i < request.lane_count; ++i) {
    core::Lane& lane = request.lanes[i];
    if (lane.question != question) continue;
    request.asked = &lane;
    show(request, lane);
    core::Verdict verdict{};
    Duration wait{};
    if (question == core::Question::verdict) {
      verdict = client.hooks.verdict(request, lane);
    } else {
      wait = client.hooks.backoff(request, lane, core::Rng::unit(client.engine.random_bits()));
    }
    request.asked = nullptr;
    request_show(request, nullptr);
    if (lane.question != question) continue;  // cancelled meanwhile
    const Instant now = client_now(client).mono;
    if (question == core::Question::verdict) {
      client.engine.verdict(lane, verdict, now);
    } else {
      client.engine.backoff(lane, wait, now);
    }
  }
}

// What would be delivered is shown meanwhile.
[[gnu::noinline]] void ask_fallback(Client& client, Request& request) {
  const core::Lane* newest = nullptr;
  for (int i = 0; i < request.lane_count; ++i) {
    const core::Lane& lane = request.lanes[i];
    if (!lane.held && !lane.gathering) continue;
    if (newest == nullptr || lane.head_seq > newest->head_seq) newest = &lane;
  }
  if (newest != nullptr && !(request.stored && request.stored_seq > newest->head_seq)) {
    show(request, *newest);
  } else {
    request_show(request, request.stored ? &request.response : nullptr);
  }
  const int given = client.hooks.fallback(request);
  request_show(request, nullptr);
  const Instant now = client_now(client).mono;
  if (given < 0) {
    client.engine.cancel(request, given, request.stop, now);
  } else {
    client.engine.fallback(request, given > 0, now);
  }
}

void tell_head(Client& client, Request& request) {
  if (request.winner >= 0) {
    show(request, request.lanes[request.winner]);
    if (request.shown == nullptr) request_show(request, &request.response);  // whole, or a kept one
  } else if (request.fell_back) {
    request_show(request, &request.response);
  }
  request.head_told = !request.late_head || request.fell_back;
  if (request.streamed && request.policy->resumes_max != 0) resume_prepare(request);
  client.hooks.head(request);
  if (request.fell_back && request.streamed && !request.response.body.empty()) {
    client.hooks.body(request, request.response.body.view());
  }
}

// Most requests have one.
void leave_origins(Request& request) {
  if (request.rare != nullptr || request.targets != nullptr) {
    request_leave_origins(request);
  } else {
    --static_cast<Origin*>(request.origin)->requests;
  }
}

void tell_done(Client& client, Request& request, core::Now now) {
  if (request.error != 0 || (request.winner < 0 && !request.fell_back)) {
    if (!request.head_told) request_show(request, nullptr);
  } else {
    request_show(request, &request.response);
  }
  if (request.into != nullptr && request.shown != nullptr) {
    const wire::LargeBytes& body =
        request.shown->body;  // of a response that was not known to win, or empty
    if (!body.empty()) std::copy_n(body.data(), std::min(body.size(), request.into_size), request.into);
    request.into_used =
        static_cast<size_t>(std::min<uint64_t>(request.shown->body_bytes, request.into_size));
  }
  request.ended = std::max(now.mono, request.began);  // it may have begun and ended in one callback
  client.slots.remove(request.id);
  *request.back = request.next;
  if (request.next != nullptr) request.next->back = request.back;
  leave_origins(request);
  if (client.kept != nullptr) kept_void(client, request);
  client.hooks.done(request);
  request_show(request, nullptr);
  request.next = client.finished;
  client.finished = &request;
}

// Informational responses, each of the lane whose connection shows it now.
void tell_informational(Client& client, Request& request) {
  for (int i = 0; i < request.lane_count; ++i) {
    auto* connection = static_cast<Connection*>(request.lanes[i].connection);
    if (connection == nullptr || !connection->informs) continue;
    connection->informs = false;
    if (request.head_told || request.state == core::RequestState::done) continue;
    connection_show(*connection, request);
    client.hooks.informational(request);
    request_show(request, nullptr);
  }
}

[[gnu::noinline]] void tell_rare(Client& client, Request& request) {
  const uint16_t work = request.work;
  request.work &= static_cast<uint16_t>(~shell_work::kRare);
  if ((work & shell_work::kTrace) != 0) journal_tell_traces(client, request);
  if ((work & shell_work::kInformational) != 0) tell_informational(client, request);
  if ((work & shell_work::kSource) != 0) upload_feed(client, request);
}

// In the order in which things happened.
void tell(Client& client, Request& request, core::Now now) {
  namespace work = core::request_work;
  bool told = false;
  const auto take = [&](uint16_t bit) {
    if ((request.work & bit) == 0) return false;
    request.work &= static_cast<uint16_t>(~bit);
    return told = true;
  };
  if ((request.work & shell_work::kRare) != 0) {
    tell_rare(client, request);
    told = true;
  }
  if (take(work::kVerdict)) ask_user(client, request, core::Question::verdict);
  if (take(work::kBackoff)) ask_user(client, request, core::Question::backoff);
  if (take(work::kFollow)) follow_ask(client, request);
  if (take(work::kLog)) journal_tell_failures(client, request);
  if (take(work::kFallback)) ask_fallback(client, request);
  if (client.options.trace) journal_tell_ends(client, request);
  if (told) now = client_now(client);  // it may have taken long, and what is sent is sent now
  client_run_io(client, now);
  if (take(work::kHead)) tell_head(client, request);
  if (take(shell_work::kBody) && request.state != core::RequestState::done) {
    client.hooks.body(request, request.span);
  }
  if (take(work::kDone)) {
    if (take(shell_work::kTrace)) journal_tell_traces(client, request);
    if (take(work::kLog)) journal_tell_failures(client, request);
    if (client.options.trace) journal_tell_ends(client, request);
    tell_done(client, request, now);
  }
}

Connection* take_resumed(Client& client) {
  Connection* connection = client.resume;
  if (connection == nullptr) return nullptr;
  client.resume = connection->resume_next;
  if (client.resume == nullptr) client.resume_tail = &client.resume;
  connection->resume_linked = false;
  return connection;
}

[[gnu::noinline]] void do_chores(Client& client) {
  const uint8_t chores = client.chores;
  client.chores = 0;
  if ((chores & chore::kNames) != 0) names_ask(client);
  if ((chores & chore::kCloseIdle) != 0) (void)client_close_idle(client);
  if ((chores & chore::kSecrets) != 0) tls_configurations_tell_key_log(client);
  if ((chores & chore::kWarmUps) != 0) warm_ups_tell(client);
}

[[gnu::noinline]] void reap_connections(Client& client) {
  while (Connection* connection = client.closed) {
    client.closed = connection->next_made;
    connection_free(*connection);
  }
  if (client.trims) client.pool.trim();
  client.trims = false;
}

// Outside of the pump, which may still have one in its list.
[[gnu::noinline]] void reap_unlinked(Client& client) {
  while (Connection* connection = client.closed) {
    if (connection->resume_linked) return;
    client.closed = connection->next_made;
    connection_free(*connection);
  }
}

void reap(Client& client) {
  while (Request* request = client.finished) {
    client.finished = request->next;
    client.spares.keep(request->response, client.pool);
    request_release(*request, client.pool);
  }
  if (client.closed != nullptr) reap_connections(client);
}

}  // namespace

core::Now client_now(const Client& client) {
  return client_clock(client);
}

core::Now client_enter(Client& client) {
  PESTER_ASSERT(!client.inside);
  client.inside = true;
  ++client.entry;
  return client_clock(client);
}

void client_leave(Client& client, core::Now now) {
  // The user's look at a certificate may have taken long, and the request goes out only now.
  if (client.shows_certificates) now = client_now(client);
  client_run_io(client, now);
  client_pump(client, now);
  reap(client);
  client.inside = false;
  ++client.entry;  // calls from elsewhere come later than what happened in this one
  if (client.live == nullptr && !client.closing && client.hooks.idle != nullptr)
    client.hooks.idle(client);
  if (client.closing && !client.ending && client.live == nullptr && !client.engine.any_user()) {
    client_end(client);
    return;  // the client may be gone
  }
  arm_timer(client, now);
}

void client_run_io(Client& client, core::Now now) {
  while (client.engine.any_io()) {
    while (core::Lane* lane = client.engine.take_lane()) do_lane(client, *lane, now);
    while (core::Connection* connection = client.engine.take_connection()) {
      do_connection(client, static_cast<Connection&>(*connection), now);
    }
  }
}

void client_pump(Client& client, core::Now now) {
  if (client.pumping) return;
  client.pumping = true;
  for (;;) {
    client_run_io(client, now);
    if (core::Request* request = client.engine.take_request()) {
      tell(client, static_cast<Request&>(*request), now);
    } else if (Connection* connection = take_resumed(client)) {
      connection_resume(*connection, now);
    } else if (client.chores != 0) {
      do_chores(client);
    } else {
      break;
    }
  }
  client.pumping = false;
}

void client_read_on(Client& client, Connection& connection) {
  if (connection.resume_linked) return;
  connection.resume_linked = true;
  connection.resume_next = nullptr;
  *client.resume_tail = &connection;
  client.resume_tail = &connection.resume_next;
}

void pump_after_call(Client& client, core::Now now) {
  client_run_io(client, now);
  if (client.inside) return;
  if (client.engine.any_user() || client.resume != nullptr) pump_soon(client);
  if (client.closed != nullptr && !client.pumping) reap_unlinked(client);
  arm_timer(client, now);
}

void pump_soon(Client& client) {
  if (client.ending) return;
  // What was expected earlier stays so: a call after a stall is no reason to forget the stall.
  start_timer(client, std::min(client.timer_at, client_now(client).mono), 0);
}

void pump_next_turn(Client& client) {
  const Instant at = client_now(client).mono + Duration::from_ms(1);
  if (!client.ending && at < client.timer_at) start_timer(client, at, 1);
}

void pump_on_no_sockets(void* data) {
  client_sockets_gone(*static_cast<Client*>(data));
}

}  // namespace pester::uv
