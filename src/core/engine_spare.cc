// SPDX-License-Identifier: MIT
// Phase hedging: a request that may not be sent twice races for the connection only. When its dial takes
// longer than a hedge would wait, a second one begins beside it; what is ready first is used, the other
// joins the pool. Connections on their way for nobody in particular are strays.
#include <algorithm>

#include "core/assert.h"
#include "core/engine.h"

namespace pester::core {

// Hedges are wanted, and the request is none that may have lanes.
bool Engine::races_dials(const Lane& lane) {
  const Policy& policy = *lane.request->policy;
  return lane.request->lane_count == 1 && policy.concurrency > 1 && policy.hedges();
}

// The dial began now and must be over at `end`; before that a second one may begin.
void Engine::limit_raced_dial(Lane& lane, Instant end, Instant now) {
  const Instant start = now + hedge_wait(lane, now);
  lane.spare_due = start < end;
  if (start.is_never()) deny_hedge(lane, Denial::no_latencies);
  wheel_.arm(lane.phase, std::min(start, end));
}

// The first dial has not come to anything in time.
void Engine::start_spare(Lane& lane, Instant now) {
  lane.spare_due = false;
  const Instant end = lane.connection != nullptr ? lane.connection->dial_end
                                                 : now + lane.request->policy->connect_timeout;
  wheel_.arm(lane.phase, end);
  if (is_over(*lane.request, now)) return;
  spend(lane);  // of the attempt, whose dial may have been begun for another: it is on its way
  Origin& origin = *lane.origin;
  if (origin.connections >= limits_.connections_per_origin || !may_have_room()) {
    deny_hedge(lane, Denial::room);
  } else if (is_in_vain(*lane.request, origin, now, now)) {
    deny_hedge(lane, Denial::in_vain);
  } else if (!pay(lane, now)) {
    deny_hedge(lane, Denial::budget);
  } else {
    const bool made = make_room(now);
    PESTER_ASSERT(made);
    take_room(origin);
    ++origin.dialing_count;
    lane.spare_reserved = true;
    post(lane, lane_work::kSpare);
  }
}

void Engine::spare_began(Lane& lane, Connection& connection, Instant now) {
  PESTER_ASSERT(bool{lane.spare_reserved});
  spend(lane);
  lane.spare_reserved = false;
  connection.origin = lane.origin;
  connection.opened = now;
  connection.deadline.kind = static_cast<uint8_t>(DeadlineKind::connection);
  ++counters_.spare_dials;
  ++counters_.connections_opened;
  ++counters_.connections_open;
  make_stray(connection, now + lane.request->policy->connect_timeout, now);
}

void Engine::spare_refused(Lane& lane, Instant now) {
  forget_spare(lane, now);
}

void Engine::forget_spare(Lane& lane, Instant now) {
  refund(lane, now);
  lane.spare_reserved = false;
  lane.work &= static_cast<uint8_t>(~lane_work::kSpare);
  --lane.origin->dialing_count;
  give_room(*lane.origin, now);
}

// It goes on for who waits without a dial, or for whoever waits when it is ready, or for the pool.
void Engine::make_stray(Connection& connection, Instant end, Instant now) {
  Origin& origin = *connection.origin;
  connection.lane = nullptr;
  if (Lane* const waiter = first_without_dial(origin); waiter != nullptr) {
    adopt(connection, *waiter, now);
    return;
  }
  connection.dial_end = end;
  connection.next = origin.strays;
  connection.back = &origin.strays;
  if (origin.strays != nullptr) origin.strays->back = &connection.next;
  origin.strays = &connection;
  if (!connection.deadline.armed()) wheel_.arm(connection.deadline, end);
}

void Engine::unlink_stray(Connection& connection) {
  if (connection.back == nullptr) return;
  *connection.back = connection.next;
  if (connection.next != nullptr) connection.next->back = connection.back;
  connection.back = nullptr;
  connection.next = nullptr;
}

// For a lane whose own dial has failed; its time goes on.
void Engine::adopt_stray(Lane& lane, Instant end) {
  Connection& connection = *lane.origin->strays;
  unlink_stray(connection);
  connection.lane = &lane;
  connection.dial_end = end;
  lane.connection = &connection;
}

// For a lane that waits without a dial.
void Engine::adopt(Connection& connection, Lane& lane, Instant now) {
  if (lane.waits) end_wait(lane, now);
  connection.lane = &lane;
  connection.dial_end = now + lane.request->policy->connect_timeout;
  lane.connection = &connection;
  limit_dial(lane, now);
}

}  // namespace pester::core
