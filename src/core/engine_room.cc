// SPDX-License-Identifier: MIT
// The room for connections that all origins share: what is closed to make some, and whose turn it is
// when some comes free (decision 7). An origin is short of it when somebody waits there for whom nobody
// dials, though the origin's own limit would let them. Refuses to know exchanges.
#include "core/assert.h"
#include "core/engine.h"

namespace pester::core {

void Engine::take_room(Origin& origin) {
  if (origin.connections++ == 0) open_.push(origin);
  ++room_taken_;
}

// One connection less: the next who waits for that is dialed for.
void Engine::give_room(Origin& origin, Instant now) {
  if (--origin.connections == 0) open_.remove(origin);
  --room_taken_;
  if (limits_.connections == Limits::kUnlimited) {
    dial_for_waiters(origin, now);
  } else {
    pass_room_on(origin, now);
  }
}

// Below the limit nobody waits for room, since whoever comes is dialed for at once: without a look at
// the queue, which is as long as there are dials.
void Engine::dial_for_waiters(Origin& origin, Instant now) {
  if (origin.connections + 1 < limits_.connections_per_origin) return;
  for (Lane* lane = origin.waiting.first; lane != nullptr && origin.waits_count != 0;) {
    if (origin.connections >= limits_.connections_per_origin) return;
    if (lane->waits) reserve_dial(*lane, now);
    lane = lane->wait_next;
  }
}

// ---- who waits

void Engine::begin_wait(Lane& lane) {
  Origin& origin = *lane.origin;
  lane.waits = true;
  ++origin.waits_count;
  ++counters_.waiting;
  begin_to_wait(lane, Wait::connection);
  if (is_short(origin)) take_turn(origin);
}

// However it ends.
void Engine::end_wait(Lane& lane, Instant now) {
  lane.waits = false;
  --lane.origin->waits_count;
  --counters_.waiting;
  histograms_.waits.record(elapsed(lane, now));
}

// A look past those that are dialed for.
Lane* Engine::first_without_dial(const Origin& origin) {
  if (origin.waits_count == 0) return nullptr;
  Lane* lane = origin.waiting.first;
  while (!lane->waits) lane = lane->wait_next;
  return lane;
}

Duration Engine::longest_wait(const Origin& origin, Instant now) {
  const Lane* const lane = first_without_dial(origin);
  return lane != nullptr ? elapsed(*lane, now) : Duration{};
}

uint32_t Engine::dialing() const {
  uint32_t count = 0;
  for (const Origin* origin = open_.first(); origin != nullptr; origin = open_.after(*origin)) {
    count += origin->dialing_count;
  }
  return count;
}

// ---- idle ones give way

// False when there is none: every connection is in use, or on its way to somebody.
bool Engine::make_room(Instant now) {
  while (room_taken_ >= limits_.connections) {
    Connection* const unused = counters_.connections_idle != 0 ? least_recently_used() : any_stray();
    if (unused == nullptr) return false;
    close_connection(*unused, ConnectionSignal::cancel, Closing::room, now);
  }
  return true;
}

// Of all that idle. Looked for among all that are open, when one is to be closed, rather than kept in
// order at each exchange.
Connection* Engine::least_recently_used() const {
  Connection* oldest = nullptr;
  for (const Origin* origin = open_.first(); origin != nullptr; origin = open_.after(*origin)) {
    Connection* last = origin->idle;
    if (last == nullptr) continue;
    while (last->next != nullptr) last = last->next;
    if (oldest == nullptr || last->idle_since < oldest->idle_since) oldest = last;
  }
  return oldest;
}

// Dialed for nobody who waits now: it would idle.
Connection* Engine::any_stray() const {
  const Origin* origin = open_.first();
  while (origin != nullptr && origin->strays == nullptr) origin = open_.after(*origin);
  return origin != nullptr ? origin->strays : nullptr;
}

// ---- whose turn it is

bool Engine::is_short(const Origin& origin) const {
  return origin.waits_count != 0 && origin.connections < limits_.connections_per_origin;
}

void Engine::take_turn(Origin& origin) {
  if (turns_.holds(origin)) return;
  turns_.push(origin);
  idle_most_ = 0;
}

void Engine::leave_turns(Origin& origin) {
  if (!turns_.holds(origin)) return;
  turns_.remove(origin);
  if (turns_.first() == nullptr) idle_most_ = limits_.idle_per_origin;
}

// Those that are not short any more go: nobody has looked at them since.
Origin* Engine::next_turn() {
  while (turns_.first() != nullptr && !is_short(*turns_.first())) leave_turns(*turns_.first());
  return turns_.first();
}

// `origin` has one connection less. Who waits there now waits behind all others, be it that they waited
// for just that: `origin` has had one.
void Engine::pass_room_on(Origin& origin, Instant now) {
  const bool had_turn = turns_.holds(origin);
  if (had_turn || origin.connections + 1 == limits_.connections_per_origin) {
    leave_turns(origin);
    if (is_short(origin)) take_turn(origin);
  }
  while (room_taken_ < limits_.connections) {
    Origin* const next = next_turn();
    if (next == nullptr) return;
    leave_turns(*next);
    reserve_dial(*first_without_dial(*next), now);
    if (is_short(*next)) take_turn(*next);  // behind all others
  }
}

// An idle connection would be one more than its origin may keep, or looks so since somebody was short.
bool Engine::may_idle(const Origin& origin) {
  return next_turn() == nullptr && origin.idle_count < limits_.idle_per_origin;
}

// The connection has served, and could serve who waits at its own origin. It is closed instead when
// another origin has none at all, or would with one more still have no more than this one keeps.
bool Engine::gives_way(Connection& connection, Instant now) {
  const Origin& origin = *connection.origin;
  for (Origin* other = turns_.first(); other != nullptr; other = turns_.after(*other)) {
    if (other == &origin || !is_short(*other)) continue;
    if (other->connections != 0 && other->connections + 1 >= origin.connections) continue;
    turns_.remove(*other);
    turns_.push_first(*other);
    close_connection(connection, ConnectionSignal::cancel, Closing::room, now);
    return true;
  }
  return false;
}

}  // namespace pester::core
