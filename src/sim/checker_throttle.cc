// SPDX-License-Identifier: MIT
// What must hold of an origin's limits: as many places taken as there are who hold one, none beyond the
// limit when it was taken, nobody waiting before a free place, and the law of the rate.
#include "sim/checker.h"

namespace pester::sim {

namespace {

bool is_total_over(const Shell& shell, const core::Request& request) {
  return !request.policy->total_timeout.is_never() &&
         shell.now() >= static_cast<const Request&>(request).began + request.policy->total_timeout;
}

uint32_t holders(const Shell& shell, const Origin& origin) {
  uint32_t count = 0;
  for (const auto& request : shell.requests()) {
    for (int i = 0; request->accounts != nullptr && i < request->lane_count; ++i) {
      count += request->lanes[i].origin == &origin && request->accounts[i].place.held();
    }
  }
  for (const auto& connection : shell.connections()) {
    if (connection->origin != &origin || !connection->holds_place) continue;
    ++count;
  }
  return count;
}

uint32_t awaiters(const Shell& shell, const Origin& origin) {
  uint32_t count = 0;
  for (const auto& request : shell.requests()) {
    for (int i = 0; request->accounts != nullptr && i < request->lane_count; ++i) {
      const core::Place& place = request->accounts[i].place;
      count += request->lanes[i].origin == &origin && place.held() && !place.heard;
    }
  }
  return count;
}

void check_throttled(Shell& shell, const core::Throttle& throttle) {
  core::Lane* const* back = &throttle.waiting.first;
  uint32_t waiting = 0;
  const core::Lane* alive = nullptr;
  for (const core::Lane* lane = throttle.waiting.first; lane != nullptr; lane = lane->wait_next) {
    ++waiting;
    shell.claim(lane->wait_back == back && lane->throttled, "the throttled are linked");
    shell.claim(lane->exchange == core::ExchangeState::acquiring && lane->connection == nullptr,
                "who waits for a place has no connection");
    shell.claim(!lane->request->accounts[lane->index].place.held(), "nor a place already");
    shell.claim(lane->kind != core::Kind::hedge, "a hedge never adds to a queue");
    if (alive == nullptr && !is_total_over(shell, *lane->request)) alive = lane;
    back = &lane->wait_next;
  }
  shell.claim(waiting == throttle.waiting.count && throttle.waiting.tail == back,
              "the throttled are counted");
  const bool for_token = throttle.turn.armed();
  shell.claim(waiting != 0 || !for_token, "nobody's turn is waited for by nobody");
  shell.claim(alive == nullptr || !throttle.concurrency.has_room() || for_token,
              "nobody waits before a free place");
}

}  // namespace

void check_throttles(Shell& shell) {
  uint32_t throttled = 0;
  for (const auto& origin : shell.origins()) {
    const core::Throttle* const throttle = origin->throttle_room.get();
    if (throttle == nullptr) continue;
    throttled += throttle->waiting.count;
    const uint32_t taken = throttle->concurrency.in_flight();
    shell.claim(taken == holders(shell, *origin), "as many places are taken as are held");
    const uint32_t awaiting = throttle->concurrency.awaiting();
    shell.claim(awaiting == awaiters(shell, *origin), "as many wait for a head as hold a place without");
    shell.claim(taken <= throttle->concurrency.limit() || taken <= origin->in_flight_then ||
                    awaiting <= throttle->concurrency.least(),
                "no place is taken beyond the limit");
    origin->in_flight_then = taken;
    check_throttled(shell, *throttle);
    const core::RateOptions& rate = shell.engine().limits().throttle.rate;
    if (rate.count == 0) continue;
    const auto passed = static_cast<uint64_t>((shell.now() - origin->watched).ns);
    const uint64_t born = passed * rate.count / static_cast<uint64_t>(rate.period.ns);
    shell.claim(throttle->rate.used() <= throttle->rate.burst() + born, "no more begins than its rate");
  }
  shell.claim(shell.engine().counters().throttled == throttled, "counter throttled");
}

}  // namespace pester::sim
