// SPDX-License-Identifier: MIT
// The bulkhead: so many requests to one origin at a time, the others wait for one to end, in the order
// in which they came, and not for ever. Refuses to know what requests do once they have begun.
#include "core/assert.h"
#include "core/engine.h"

namespace pester::core {

// Begins, or waits for another to end; what finds the queue full ends in a moment.
void Engine::enter(Request& request, Instant now) {
  Origin& origin = *request.origin;
  if (origin.in_flight < limits_.in_flight_per_origin) {
    ++origin.in_flight;
    request.counted = true;
    kRequestTable.step(request.state, RequestSignal::submit);
    begin(request, now);
    return;
  }
  kRequestTable.step(request.state, RequestSignal::park);
  Lane& lane = request.lanes[0];
  for (int i = 0; i < request.lane_count; ++i) note_wait(request.lanes[i], Wait::in_flight);
  if (origin.parked.count >= limits_.waiting_per_origin) {
    fail_soon(lane, PESTER_EQUEUE, now);
    return;
  }
  ++counters_.waited[static_cast<size_t>(Wait::in_flight)];
  origin.parked.push(lane);
  if (!limits_.wait_most.is_never()) wheel_.arm(lane.phase, now + limits_.wait_most);
}

// One has ended: the next takes its place. Those that have waited beyond their deadline, though nobody
// has told them yet, do not.
void Engine::leave(Request& request, Instant now) {
  Origin& origin = *request.origin;
  request.counted = false;
  while (origin.parked.first != nullptr && is_over(*origin.parked.first->request, now)) {
    end_by_deadline(*origin.parked.first->request, now);
  }
  if (origin.parked.first == nullptr) {
    --origin.in_flight;
    return;
  }
  Lane& lane = *origin.parked.first;
  Request& next = *lane.request;
  unlink_parked(lane);
  wheel_.disarm(lane.phase);
  next.counted = true;
  kRequestTable.step(next.state, RequestSignal::unpark);
  begin(next, now);
}

void Engine::unlink_parked(Lane& lane) {
  Origin& origin = *lane.request->origin;
  origin.parked.remove(lane);
}

// No place came free in time, or there was none to wait at.
void Engine::waited_in_vain(Request& request, Instant now) {
  cut_all_but(request, nullptr, now);
  ++counters_.turned_away[static_cast<size_t>(Wait::in_flight)];
  request.error = PESTER_EQUEUE;
  request.stop = Stop::not_retryable;
  check_exhausted(request, now);
}

}  // namespace pester::core
