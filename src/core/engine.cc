// SPDX-License-Identifier: MIT
// The logical request: starting its lanes, the race, the end; and the lists of work.
#include "core/engine.h"

#include <cstddef>

#include "core/assert.h"

namespace pester::core {

namespace {

bool is_pending(const Lane& lane) {
  return lane.gathering || lane.held;
}
// It may still come to an answer that wins.
bool is_alive(const Lane& lane) {
  return lane.state != LaneState::spent && !is_pending(lane);
}

template <class Object>
Object& owner_of(Deadline& deadline, size_t offset) {
  return *reinterpret_cast<Object*>(reinterpret_cast<char*>(&deadline) - offset);
}
template <class Object>
const Object& owner_of(const Deadline& deadline, size_t offset) {
  return *reinterpret_cast<const Object*>(reinterpret_cast<const char*>(&deadline) - offset);
}

template <class Object>
Object* take(Object*& first, Object**& tail) {
  Object* object = first;
  if (object == nullptr) return nullptr;
  first = object->work_next;
  if (first == nullptr) tail = &first;
  object->work_linked = false;
  return object;
}

template <class Object>
void link(Object& object, Object**& tail) {
  if (object.work_linked) return;
  object.work_linked = true;
  object.work_next = nullptr;
  *tail = &object;
  tail = &object.work_next;
}

// What a lane that has slept for long will need. A million sleeping requests are in no cache, and many
// are over in one tick: while one is looked at, the memory of the next ones comes. The shell keeps a
// request and what belongs to it in one block; fetching what is not there does no harm.
void fetch_soon(const Lane& lane) {
  constexpr size_t kLine = 64, kLines = 16;
  const char* at = reinterpret_cast<const char*>(lane.request);
  for (size_t i = 0; i < kLines; ++i) __builtin_prefetch(at + i * kLine, 1);
}

}  // namespace

void Engine::submit(Request& request, Instant now) {
  prepare(request, now);
  start(request, now);
}

// A lane beyond the first, if it is paid for; else it never starts.
bool Engine::start_extra(Lane& lane, Kind kind, Instant now) {
  Request& request = *lane.request;
  if (kind == Kind::hedge && request.policy->limited && !may_hedge_now(lane, now)) {
    deny_hedge(request.lanes[lane.index - 1], Denial::limit);
    cut(lane, LaneSignal::cancel, Outcome::cancelled, 0, now);
    return false;
  }
  if (pay(lane, now)) {
    start_lane(lane, kind, now);
    return true;
  }
  deny_hedge(request.lanes[lane.index - 1], Denial::budget);
  cut(lane, LaneSignal::cancel, Outcome::cancelled, 0, now);
  return false;
}

// The lane after this one does not start when it would.
void Engine::deny_hedge(Lane& lane, Denial why) {
  ++counters_.hedges_denied[static_cast<int>(why)];
  lane.hedge_denial = why;
  if (lane.record >= 0) lane.request->records[lane.record].hedge_denial = why;
}

void Engine::start_lane(Lane& lane, Kind kind, Instant now) {
  Request& request = *lane.request;
  wheel_.disarm(lane.phase);
  kLaneTable.step(lane.state, LaneSignal::start);
  if (kind == Kind::hedge) ++counters_.hedges;
  begin_attempt(lane, kind, now);
  const int next = lane.index + 1;
  if (!request.policy->hedges() || next >= request.lane_count) return;
  if (request.lanes[next].state != LaneState::ready) return;
  const Instant start = now + hedge_wait(lane, now);
  if (start.is_never()) {
    deny_hedge(lane, Denial::no_latencies);
  } else if (is_in_vain(request, *lane.origin, start, now)) {
    deny_hedge(lane, Denial::in_vain);
  } else {
    wheel_.arm(request.lanes[next].phase, start);
  }
}

// When the request must be over; its timer may be armed a little later (see expire).
Instant Engine::end_of(const Request& request) {
  if (!request.policy->total_timeout.is_never()) return request.began + request.policy->total_timeout;
  return request.is_run ? SharedRun::of(request).end() : Instant::never();
}

// The total deadline is over, though nobody was told yet: nothing begins any more.
// A run has none: it goes with the last of its members.
bool Engine::is_over(const Request& request, Instant now) {
  const Duration total = request.policy->total_timeout;
  return !total.is_never() && now >= request.began + total;
}

// A lane has failed for good: the next one need not wait for its hour.
void Engine::start_next_lane(Request& request, Instant now) {
  if (is_over(request, now)) return;
  for (int i = 0; i < request.lane_count; ++i) {
    if (request.lanes[i].state != LaneState::ready) continue;
    if (start_extra(request.lanes[i], Kind::hedge, now)) return;
  }
}

void Engine::cut(Lane& lane, LaneSignal signal, Outcome outcome, int error, Instant now) {
  if (lane.state == LaneState::spent) return;
  if (lane.state == LaneState::ready && lane.wait_back != nullptr) leave_line(lane, now);
  const bool in_flight = lane.exchange != ExchangeState::finished;
  const bool undecided = in_flight || lane.question != Question::none;
  if (is_pending(lane)) {
    outcome = Outcome::failed;
  } else if (undecided && error != 0) {
    lane.error = error;
  }
  Connection* const had = lane.connection;
  if (in_flight && lane.origin->health != nullptr) note_cut(lane, error, now);
  if (lane.request->accounts != nullptr) give_back(lane, now);
  kLaneTable.step(lane.state, signal);
  lane.question = Question::none;
  lane.gathering = lane.held = lane.previewing = lane.following = false;
  if (undecided) write_record(lane, outcome, now);
  if (in_flight) {
    end_exchange(lane, signal == LaneSignal::cancel ? ExchangeSignal::cancel : ExchangeSignal::deadline,
                 now);
  }
  wheel_.disarm(lane.phase);
  wheel_.disarm(lane.attempt_deadline);
  if (lane.request->accounts != nullptr) end_place(lane, had, now);
}

// It has not begun, and waits for its turn or for the answer of others.
void Engine::leave_line(Lane& lane, Instant now) {
  switch (lane.request->state) {
    case RequestState::parked:
      unlink_parked(lane);
      return;
    case RequestState::sharing:
      leave_run(lane, now);
      return;
    case RequestState::idle:
    case RequestState::racing:
    case RequestState::receiving:
    case RequestState::falling_back:
    case RequestState::done:
    case RequestState::kCount:
      unlink_paced(lane);
      return;
  }
}

void Engine::cut_all_but(Request& request, const Lane* kept, Instant now) {
  if (request.accounts != nullptr) stop_waiting(request, kept);
  for (int i = 0; i < request.lane_count; ++i) {
    if (kept != nullptr && kept->index == i) continue;
    cut(request.lanes[i], LaneSignal::cancel, Outcome::cancelled, 0, now);
  }
}

// `lane` has the response to deliver: an acceptable one, or the last one of a race without a winner.
void Engine::commit(Lane& lane, bool won, Instant now) {
  Request& request = *lane.request;
  kRequestTable.step(request.state, RequestSignal::commit);
  request.winner = static_cast<int8_t>(lane.index);
  request.winner_attempt = lane.attempt;
  request.stop = won ? Stop::success : lane.stop;
  request.error = 0;
  if (request.lane_count > 1) cut_all_but(request, &lane, now);
  const bool must_read = lane.held || lane.previewing;
  lane.held = lane.gathering = lane.previewing = false;
  if (lane.exchange == ExchangeState::deciding) kExchangeTable.step(lane.exchange, ExchangeSignal::take);
  if (must_read) read_on(lane, now);
  if (request.wants_head) post(request, request_work::kHead);
}

void Engine::check_exhausted(Request& request, Instant now) {
  Lane* newest = nullptr;
  for (int i = 0; i < request.lane_count; ++i) {
    Lane& lane = request.lanes[i];
    if (is_alive(lane)) return;
    if (is_pending(lane) && (newest == nullptr || lane.head_seq > newest->head_seq)) newest = &lane;
  }
  if (request.state == RequestState::falling_back) return;  // its user is being asked
  if (may_fall_back(request)) {
    if (newest != nullptr) {
      request.stop = newest->stop;
      request.error = 0;
    }
    ask_fallback(request);
    return;
  }
  const bool newer_is_stored =
      newest != nullptr && request.stored && request.stored_seq > newest->head_seq;
  if (newest != nullptr && !newer_is_stored) {
    commit(*newest, false, now);
    return;
  }
  cut_all_but(request, nullptr, now);
  kRequestTable.step(request.state, RequestSignal::exhaust);
  conclude(request, now);
}

// Nothing acceptable will come. What there is waits for the user's word.
void Engine::ask_fallback(Request& request) {
  request.fallback_asked = true;
  if (request.stored) request.error = 0;
  request.work &= static_cast<uint16_t>(~request_work::kHead);
  kRequestTable.step(request.state, RequestSignal::spend);
  post(request, request_work::kFallback);
}

void Engine::fallback(Request& request, bool given, Instant now) {
  if (request.state != RequestState::falling_back) return;
  if (!given) {
    kRequestTable.step(request.state, RequestSignal::decline);
    if (!request.total.armed() && is_over(request, now)) {
      end_by_deadline(request, now);
    } else {
      check_exhausted(request, now);
    }
    return;
  }
  cut_all_but(request, nullptr, now);
  kRequestTable.step(request.state, RequestSignal::give);
  request.winner = -1;
  request.stored = false;
  request.fell_back = true;
  request.error = 0;
  if (request.wants_head) post(request, request_work::kHead);
  finish(request, now);
}

// No response is on its way: the kept one is delivered, or the error.
void Engine::conclude(Request& request, Instant now) {
  request.winner = -1;
  if (request.stored && !request.head_told) {
    request.winner = request.stored_lane;
    request.winner_attempt = request.stored_attempt;
    request.error = 0;
    if (request.wants_head) post(request, request_work::kHead);
  } else {
    request.stored = false;
  }
  finish(request, now);
}

void Engine::cancel(Request& request, int error, Stop stop, Instant now) {
  if (request.state == RequestState::done) return;
  if (request.accounts != nullptr) stop_waiting(request, nullptr);
  for (int i = 0; i < request.lane_count; ++i) {
    cut(request.lanes[i], LaneSignal::cancel, Outcome::cancelled, 0, now);
  }
  kRequestTable.step(request.state, RequestSignal::cancel);
  request.winner = -1;
  request.stored = false;
  request.error = error;
  request.stop = stop;
  request.work &= static_cast<uint16_t>(~(request_work::kHead | request_work::kFallback));
  finish(request, now);
}

void Engine::end_by_deadline(Request& request, Instant now) {
  if (request.state == RequestState::falling_back) return;  // until the user's word, in this very turn
  if (request.accounts != nullptr) stop_waiting(request, nullptr);
  for (int i = 0; i < request.lane_count; ++i) {
    cut(request.lanes[i], LaneSignal::deadline, Outcome::failed, PESTER_ETIMEOUT_TOTAL, now);
  }
  request.error = PESTER_ETIMEOUT_TOTAL;
  request.stop = Stop::deadline;
  if (may_fall_back(request)) {
    ask_fallback(request);
    return;
  }
  kRequestTable.step(request.state, RequestSignal::deadline);
  request.work &= static_cast<uint16_t>(~request_work::kHead);
  conclude(request, now);
}

// What may have come by now, though nobody has read it: a verdict on it waits for a tick, in which the
// loop polls and reads.
bool Engine::may_have_come(const Deadline& deadline) {
  switch (static_cast<DeadlineKind>(deadline.kind)) {
    case DeadlineKind::request_total: {
      const auto* request = &owner_of<const Request>(deadline, offsetof(Request, total));
      if (request->state == RequestState::sharing) request = request->lanes[0].run->request;
      for (int i = 0; i < request->lane_count; ++i) {
        if (request->lanes[i].exchange != ExchangeState::finished) return true;
      }
      return false;
    }
    case DeadlineKind::lane_phase: {
      const auto& lane = owner_of<const Lane>(deadline, offsetof(Lane, phase));
      return lane.state == LaneState::trying && lane.error == 0 && !lane.parked && !lane.spare_due;
    }
    case DeadlineKind::lane_attempt:
      return true;
    case DeadlineKind::connection:
    case DeadlineKind::pacing:
    case DeadlineKind::throttle:
      return false;
  }
  return false;
}

void Engine::expire(Instant due, Instant now) {
  Duration latest{};
  while (Deadline* deadline = wheel_.pop_due(due)) {
    const Duration late = now - deadline->at;
    if (!deadline->respite && may_have_come(*deadline)) {
      respite_lag_ = latest = std::max(latest, late);
      wheel_.arm_respite(*deadline, due);
      continue;
    }
    lag_ = deadline->respite ? respite_lag_ : late;
    switch (static_cast<DeadlineKind>(deadline->kind)) {
      case DeadlineKind::request_total:
        end_by_deadline(owner_of<Request>(*deadline, offsetof(Request, total)), now);
        break;
      case DeadlineKind::lane_phase:
        fetch_soon(owner_of<Lane>(*deadline, offsetof(Lane, phase)));
        phase_over(owner_of<Lane>(*deadline, offsetof(Lane, phase)), now);
        break;
      case DeadlineKind::lane_attempt: {
        Lane& lane = owner_of<Lane>(*deadline, offsetof(Lane, attempt_deadline));
        if (lane.exchange != ExchangeState::finished) failed(lane, PESTER_ETIMEOUT_ATTEMPT, now);
        break;
      }
      case DeadlineKind::pacing:
        start_paced(now);
        break;
      case DeadlineKind::throttle:
        serve_throttled(owner_of<Throttle>(*deadline, offsetof(Throttle, turn)), now);
        break;
      case DeadlineKind::connection:
        connection_deadline(owner_of<Connection>(*deadline, offsetof(Connection, deadline)), now);
        break;
    }
  }
  lag_ = {};
}

Lane* Engine::take_lane() {
  return take(lane_work_, lane_work_tail_);
}
Connection* Engine::take_connection() {
  return take(connection_work_, connection_work_tail_);
}
Request* Engine::take_request() {
  return take(request_work_, request_work_tail_);
}
void Engine::post(Lane& lane, uint8_t bits) {
  lane.work |= bits;
  link(lane, lane_work_tail_);
}
void Engine::post(Connection& connection, uint8_t bits) {
  connection.work |= bits;
  link(connection, connection_work_tail_);
}
void Engine::post(Request& request, uint16_t bits) {
  request.work |= bits;
  link(request, request_work_tail_);
}

}  // namespace pester::core
