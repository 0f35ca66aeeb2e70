// SPDX-License-Identifier: MIT
// The limits of one origin: an attempt needs a place among those in flight there, and a token of its
// rate, before its exchange begins; without, it waits in the order of coming. Refuses to know how the
// limits are found (concurrency_limit, rate_limit) and what a request is.
//
// A place is the attempt's: its follow-ups at the same origin keep it, a backoff does not. It is given
// back once, when the exchange is off the wire: a loser that is read on for takes it along on its
// connection. A token goes back in the instant in which it was taken, if nothing was sent for it; later
// the bucket may have been full meanwhile, and the rate's law would not hold.
#include "core/assert.h"
#include "core/engine.h"

namespace pester::core {

namespace {

Throttle* throttle_of(const Origin& origin) {
  return origin.health != nullptr ? origin.health->throttle : nullptr;
}

Place& place_of(const Lane& lane) {
  return lane.request->accounts[lane.index].place;
}

// Too much for it, or so it says.
bool is_overload(uint16_t status) {
  constexpr uint16_t kTooMany = 429, kUnavailable = 503;
  return status == kTooMany || status == kUnavailable;
}

}  // namespace

// ---- why somebody waits

// Before the record is open, it is written down when that is opened.
void Engine::note_wait(Lane& lane, Wait why) {
  lane.wait_for = why;
  if (lane.record >= 0) lane.request->records[lane.record].waited_for = why;
}

void Engine::begin_to_wait(Lane& lane, Wait why) {
  ++counters_.waited[static_cast<size_t>(why)];
  note_wait(lane, why);
}

// ---- places and tokens are taken

bool Engine::needs_place(const Lane& lane) {
  if (!lane.request->policy->limited || throttle_of(*lane.origin) == nullptr) return false;
  return !place_of(lane).held();
}

// none: both are the lane's. Else what is missing; for a token, the turn is armed.
Wait Engine::take_place(const Lane& lane, Throttle& throttle, Instant now) {
  if (!throttle.concurrency.has_room()) return Wait::concurrency;
  if (const Instant at = throttle.rate.take(now); at > now) {
    wheel_.arm(throttle.turn, at);
    return Wait::rate;
  }
  throttle.concurrency.begin();
  Place& place = place_of(lane);
  place = {};
  place.set(now);
  return Wait::none;
}

// Begins, or waits behind all who do. What a breaker will not let through need not wait to hear of it,
// and a hedge that would have to wait is worth nothing.
void Engine::ask_for_place(Lane& lane, Instant now) {
  Throttle& throttle = *throttle_of(*lane.origin);
  const Lane* const first = first_alive(throttle, now);
  const Wait why = first != nullptr ? first->wait_for : take_place(lane, throttle, now);
  if (why == Wait::none) {
    go_on(lane, now);
    return;
  }
  note_wait(lane, why);
  const bool shut = is_shut(*lane.request, *lane.origin, now);
  if (shut || lane.kind == Kind::hedge || throttle.waiting.count >= limits_.waiting_per_origin) {
    if (shut) ++counters_.refused;
    if (throttle.waiting.first == nullptr) wheel_.disarm(throttle.turn);
    fail_soon(lane, shut ? PESTER_EBREAKER : PESTER_EQUEUE, now);
    return;
  }
  ++counters_.waited[static_cast<size_t>(why)];
  ++counters_.throttled;
  lane.throttled = true;
  throttle.waiting.push(lane);
  if (!limits_.wait_most.is_never()) wheel_.arm(lane.phase, now + limits_.wait_most);
  drop_held_of(*lane.request, now);
}

// A held response keeps its place from everybody, as it does its connection.
void Engine::drop_held_of(Request& request, Instant now) {
  for (int i = 0; i < request.lane_count; ++i) {
    if (request.lanes[i].held) drop_held(request.lanes[i], now);
  }
}

// A hedge must never add to a queue: it takes its place now, or does not start. Where the gate is shut
// it waits for that, with no place.
bool Engine::may_hedge_now(Lane& lane, Instant now) {
  if (may_roam(lane)) go_to(lane, choose_target(lane, now));
  Throttle* const throttle = throttle_of(*lane.origin);
  if (throttle == nullptr || is_gated(lane, now)) return true;
  if (throttle->waiting.first != nullptr) return false;
  const Wait why = take_place(lane, *throttle, now);
  if (why == Wait::rate) wheel_.disarm(throttle->turn);
  return why == Wait::none;
}

// ---- who waits

// The first whose request is not over, though nobody has told it yet.
Lane* Engine::first_alive(const Throttle& throttle, Instant now) {
  Lane* lane = throttle.waiting.first;
  while (lane != nullptr && is_over(*lane->request, now)) lane = lane->wait_next;
  return lane;
}

// As many as there is room for. What gives back a place meanwhile is seen by the next round.
void Engine::serve_throttled(Throttle& throttle, Instant now) {
  if (throttle.serving) return;
  throttle.serving = true;
  while (Lane* const lane = first_alive(throttle, now)) {
    if (is_gated(*lane, now)) {
      unlink_throttled(*lane);
      park(*lane, now);
      continue;
    }
    const Wait why = take_place(*lane, throttle, now);
    if (why != Wait::none) {
      note_wait(*lane, why);
      break;
    }
    unlink_throttled(*lane);
    wheel_.disarm(lane->phase);
    go_on(*lane, now);
  }
  throttle.serving = false;
}

void Engine::unlink_throttled(Lane& lane) {
  Throttle& throttle = *throttle_of(*lane.origin);
  lane.throttled = false;
  --counters_.throttled;
  throttle.waiting.remove(lane);
  if (throttle.waiting.first == nullptr) wheel_.disarm(throttle.turn);
}

// The request's lanes are about to be cut: what one gives back is not for another of them.
void Engine::stop_waiting(Request& request, const Lane* kept) {
  for (int i = 0; i < request.lane_count; ++i) {
    Lane& lane = request.lanes[i];
    if (&lane != kept && lane.throttled) unlink_throttled(lane);
  }
}

// ---- places are given back

void Engine::give_place(const Origin& origin, Instant now) {
  Throttle& throttle = *throttle_of(origin);
  PESTER_ASSERT(throttle.concurrency.in_flight() != 0);
  throttle.concurrency.end();
  if (throttle.waiting.first != nullptr) serve_throttled(throttle, now);
}

void Engine::free_place(Lane& lane, Instant now) {
  Place& place = place_of(lane);
  if (!place.held()) return;
  Throttle& throttle = *throttle_of(*lane.origin);
  if (!place.left && place.at() == now) throttle.rate.give_back();
  if (!place.heard) throttle.concurrency.heard();
  place = {};
  give_place(*lane.origin, now);
}

// The lane's exchange is over, on a connection that it had, if any.
void Engine::end_place(Lane& lane, Connection* had, Instant now) {
  if (!place_of(lane).held()) return;
  if (had != nullptr && had->lane == nullptr && had->state == ConnectionState::draining) {
    had->holds_place = true;
    const bool heard = place_of(lane).heard;
    place_of(lane) = {};
    if (heard) return;
    Throttle& throttle = *throttle_of(*lane.origin);
    throttle.concurrency.heard();  // nobody waits for one any more
    if (throttle.waiting.first != nullptr) serve_throttled(throttle, now);
    return;
  }
  free_place(lane, now);
}

void Engine::end_place(Connection& connection, Instant now) {
  connection.holds_place = false;
  give_place(*connection.origin, now);
}

// The request is over.
void Engine::free_places(Request& request, Instant now) {
  for (int i = 0; i < request.lane_count; ++i) free_place(request.lanes[i], now);
}

// ---- what the server bears

// The server's own time; 0: not known.
Duration Engine::served_in(const Lane& lane, Instant now) {
  const Place& place = place_of(lane);
  return place.held() && place.sent ? now - place.at() : Duration{};
}

// A head came. That of a failure is no latency, however fast it was.
void Engine::note_load(const Lane& lane, Instant now) {
  constexpr uint16_t kFirstOfServer = 500;
  if (lane.request->accounts == nullptr || !place_of(lane).held()) return;
  Throttle& throttle = *throttle_of(*lane.origin);
  const Duration took = timely(served_in(lane, now));
  const bool failed =
      lane.status >= kFirstOfServer || lane.request->policy->rules.retries_status(lane.status);
  if (is_overload(lane.status)) {
    throttle.concurrency.dropped(now);
  } else if (failed) {
    throttle.concurrency.failed(now);
  } else {
    throttle.concurrency.answered(took, now);
  }
  if (!place_of(lane).heard && !lane.following) {  // else another exchange follows in the same place
    place_of(lane).heard = true;
    throttle.concurrency.heard();
  }
  if (throttle.waiting.first != nullptr) serve_throttled(throttle, now);  // there may be more places now
}

void Engine::note_drop(const Lane& lane, Instant now) {
  Throttle* const throttle = throttle_of(*lane.origin);
  if (throttle == nullptr || lane.request->accounts == nullptr || !place_of(lane).held()) return;
  throttle->concurrency.dropped(now);
}

}  // namespace pester::core
