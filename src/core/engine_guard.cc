// SPDX-License-Identifier: MIT
// What guards and pays for attempts: the ledger, the origin's breaker, what its latencies say about when
// a hedge starts and whether there is time for another try.
#include <algorithm>
#include <cerrno>

#include "core/assert.h"
#include "core/engine.h"

namespace pester::core {

namespace {

constexpr uint16_t kSoonPerMille = 100;  // of an origin's answers, the tenth that comes first
constexpr Duration kHedgeLeast = Duration::from_ms(1);

}  // namespace

// ---- first attempts while the ledger is empty

// Begins, or waits for its turn.
void Engine::pace(Request& request, Instant now) {
  if (paced_.first == nullptr && pacer_.admit(now) <= now) {
    start_first(request, now);
    return;
  }
  Lane& lane = request.lanes[0];
  ++counters_.waited[static_cast<size_t>(Wait::pacing)];
  for (int i = 0; i < request.lane_count; ++i) note_wait(request.lanes[i], Wait::pacing);
  paced_.push(lane);
  if (!pacing_.armed()) start_paced(now);
}

void Engine::start_paced(Instant now) {
  wheel_.disarm(pacing_);
  while (paced_.first != nullptr) {
    const Instant turn = pacer_.admit(now);
    if (turn > now) {
      wheel_.arm(pacing_, turn);
      return;
    }
    Lane& lane = *paced_.first;
    unlink_paced(lane);
    start_first(*lane.request, now);
  }
}

void Engine::unlink_paced(Lane& lane) {
  paced_.remove(lane);
  if (paced_.first == nullptr) wheel_.disarm(pacing_);
}

// What was cancelled is no news. What was sent and refused again and again is, be it an answer or not.
void Engine::tell_pacer(const Request& request, Instant now) {
  constexpr int64_t kOne = 1'000;
  if (request.error == PESTER_EQUEUE || request.shared) return;
  if (!ledger_ || request.stop == Stop::cancelled || request.stop == Stop::closed) return;
  if (request.stop == Stop::success) {
    pacer_.succeeded(now);
    if (paced_.first != nullptr) start_paced(now);
    return;
  }
  pacer_.failed(now, ledger_.balance(now) < kOne ? Funds::none : Funds::left);
}

// ---- the origin's gate

bool Engine::is_gated(const Lane& lane, Instant now) {
  const Health* health = lane.origin->health;
  return lane.request->policy->origin_gate && health != nullptr && now < health->gate;
}

// Until the gate opens, and a little longer: who was parked by one word does not begin at one instant.
void Engine::park(Lane& lane, Instant now) {
  const Health& health = *lane.origin->health;
  const double u = Rng::unit(random_bits());
  const Duration later{static_cast<int64_t>(static_cast<double>(health.gate_spread.ns) * u)};
  PESTER_ASSERT(now < health.gate);
  lane.parked = true;
  begin_to_wait(lane, Wait::gate);
  wheel_.arm(lane.phase, health.gate + later);
}

// The server has named an hour: it holds for whoever queues already, and for who comes later.
void Engine::shut_gate(const Lane& lane, Instant now) {
  const Policy& policy = *lane.request->policy;
  const Duration asked = Duration::from_ms(int64_t{lane.retry_after_s} * 1'000);
  if (policy.retry_after_max.ns <= 0 || asked > policy.retry_after_max) return;
  Origin& origin = *lane.origin;
  Health& health = *origin.health;
  if (now + asked <= health.gate) return;
  constexpr int64_t kSpread = 10;  // of the wait, a tenth
  health.gate = now + asked;
  health.gate_spread = {asked.ns / kSpread};
  for (Lane* waiter = origin.waiting.first; waiter != nullptr;) {
    Lane& parked = *waiter;
    waiter = waiter->wait_next;
    if (!parked.request->policy->origin_gate) continue;
    leave_queue(parked, now);
    release(parked);  // the breaker is asked again when the gate opens
    park(parked, now);
    if (parked.request->policy->limited) free_place(parked, now);
    waiter = origin.waiting.first;  // what was dialed for it may have gone to another
    while (waiter != nullptr && !waiter->request->policy->origin_gate) waiter = waiter->wait_next;
  }
}

// ---- what pays and guards

// For an exchange beyond the request's first. Given back if it never leaves.
bool Engine::pay(Lane& lane, Instant now) {
  const Request& request = *lane.request;
  if (!request.policy->use_budget || !ledger_) return true;
  Payment& payment = request.accounts[lane.index].payment;
  if (!payment) payment = ledger_.reserve(now);  // what was paid for before never left
  if (payment) return true;
  ++counters_.unpaid;
  return false;
}

// The ledger was empty: when to come back.
void Engine::tell_when_paid(Request& request, Instant now) {
  request.retry_after_ms =
      static_cast<uint32_t>(std::min(ledger_.retry_after(now).ms_up(), int64_t{UINT32_MAX}));
}

void Engine::note_balance(const Lane& lane, Instant now) {
  if (!lane.request->policy->use_budget || !ledger_ || lane.record < 0) return;
  const int64_t balance = std::min<int64_t>(ledger_.balance(now), INT32_MAX);
  lane.request->records[lane.record].balance = static_cast<int32_t>(balance);
}

// What was paid for does not leave.
void Engine::refund(Lane& lane, Instant now) {
  if (lane.request->accounts == nullptr) return;
  Payment& payment = lane.request->accounts[lane.index].payment;
  if (ledger_ && payment) ledger_.refund(payment, now);
  payment = {};
}

// The lane ends: what it still has on credit goes back.
void Engine::give_back(Lane& lane, Instant now) {
  refund(lane, now);
  release(lane);
}

bool Engine::admit(Lane& lane, Instant now) {
  Health* health = lane.origin->health;
  if (health == nullptr) return true;
  const Admission admission = health->breaker.admit(now);
  if (admission.verdict == Admit::refuse) {
    ++counters_.refused;
    const int64_t wait_ms = admission.retry_at.is_never() ? 0 : (admission.retry_at - now).ms_up();
    lane.request->retry_after_ms = static_cast<uint32_t>(std::min(wait_ms, int64_t{UINT32_MAX}));
    return false;
  }
  lane.request->accounts[lane.index].permit = admission.permit;
  return true;
}

// No use to wait for an attempt that will not be let through.
bool Engine::breaker_is_open_until(const Request& request, const Origin& origin, Instant due,
                                   Instant now) {
  Health* health = origin.health;
  if (!request.policy->use_breaker || health == nullptr) return false;
  const BreakerState state = health->breaker.look(now);
  if (state != BreakerState::open && state != BreakerState::forced_open) return false;
  Instant retry_at;
  return health->breaker.would_refuse(now, &retry_at) && retry_at > due;
}

// What the breaker let through has come to something.
void Engine::settle(Lane& lane, CallResult result, Instant now) {
  if (lane.request->accounts == nullptr) return;
  Permit& permit = lane.request->accounts[lane.index].permit;
  if (permit.era == 0) return;
  lane.origin->health->breaker.record(permit, result, now, Rng::unit(random_bits()));
  permit = {};
}

// Or to nothing that says anything of the origin.
void Engine::release(Lane& lane) {
  if (lane.request->accounts == nullptr) return;
  Permit& permit = lane.request->accounts[lane.index].permit;
  if (permit.era != 0) lane.origin->health->breaker.release(permit);
  permit = {};
}

// Since the exchange began: the wait for a connection counts, as it does for the user. That for a place
// is not the server's doing, so where there are places it is since the lane took one, or since the
// exchange was sent. 0: it has no record.
Duration Engine::elapsed(const Lane& lane, Instant now) {
  if (lane.record < 0) return {};
  const Request& request = *lane.request;
  if (request.accounts != nullptr && request.accounts[lane.index].place.held()) {
    return now - request.accounts[lane.index].place.at();
  }
  return {now.ns - request.began.ns - request.records[lane.record].started};
}

void Engine::note_head(Lane& lane, Instant now) {
  Health& health = *lane.origin->health;
  if (health.throttle != nullptr) note_load(lane, now);
  if (lane.retry_after_s != 0 && lane.request->policy->origin_gate) shut_gate(lane, now);
  if (lane.request->policy->rules.retries_status(lane.status)) {
    note_endpoint(lane, CallResult::failed, now);
    settle(lane, CallResult::failed, now);  // how fast it failed is no news of how long to wait
    return;
  }
  note_endpoint(lane, CallResult::ok, now);
  const Duration took = timely(elapsed(lane, now));
  settle(lane, health.breaker.result_of_success(took), now);
  if (took.ns > 0) health.digest.record(took, now);
}

void Engine::note_failure(Lane& lane, int error, Instant now) {
  const FailureClass failure = class_of(error, false);
  if (lane.request->policy->limited && needs_place(lane)) {  // the origin was not asked
    release(lane);
    return;
  }
  const bool is_drop = failure == FailureClass::timeout || failure == FailureClass::reset;
  const bool unanswered = lane.delivery == Delivery::sent || lane.delivery == Delivery::partly_sent;
  if (is_drop && unanswered) note_drop(lane, now);
  if (is_of_this_host(error)) {
    release(lane);
    return;
  }
  if (lane.connection != nullptr) lane.endpoint = lane.connection->endpoint;
  if (failure == FailureClass::final || error == PESTER_EQUEUE || lane.source_failed) {
    release(lane);
    return;
  }
  note_endpoint(lane, CallResult::failed, now);
  settle(lane, CallResult::failed, now);
  const Duration took = timely(elapsed(lane, now));
  if (failure == FailureClass::timeout && took.ns > 0) {
    lane.origin->health->digest.record(took, now);
  }
}

// It took so long at least. Of a loser that is closed, that is news only beyond what is usual: a hedge
// that was cut as soon as it began would tell of a fast origin.
void Engine::note_cut(Lane& lane, int error, Instant now) {
  const Request& request = *lane.request;
  if (lane.exchange != ExchangeState::awaiting) return;
  if (error == PESTER_ETIMEOUT_TOTAL) {
    note_drop(lane, now);
    note_endpoint(lane, CallResult::failed, now);
    settle(lane, CallResult::failed, now);
  } else if (request.state != RequestState::receiving || request.policy->loser_drain.ns > 0) {
    return;
  }
  if (request.policy->hedge_per_mille == 0) return;
  LatencyDigest& digest = lane.origin->health->digest;
  const Duration took = timely(elapsed(lane, now));
  if (took > digest.quantile(request.policy->hedge_per_mille, now)) digest.record(took, now);
}

// After which the next lane starts, `lane` not having answered.
Duration Engine::hedge_wait(const Lane& lane, Instant now) {
  const Policy& policy = *lane.request->policy;
  const Duration fixed = policy.hedge_after.ns > 0 ? policy.hedge_after : Duration::never();
  if (policy.hedge_per_mille == 0 || lane.origin->health == nullptr) return fixed;
  const Duration usual = lane.origin->health->digest.quantile(policy.hedge_per_mille, now);
  return usual.ns == 0 ? fixed : std::max(usual, kHedgeLeast);
}

// Not even a quick answer would be in time.
bool Engine::is_in_vain(const Request& request, const Origin& origin, Instant start, Instant now) {
  Health* health = origin.health;
  if (!request.policy->feasible || health == nullptr) return false;
  return start + health->digest.quantile(kSoonPerMille, now) >= end_of(request);
}

}  // namespace pester::core
