// SPDX-License-Identifier: MIT
// What guards and pays for attempts: the ledger, the origin's breaker, what its latencies say about when
// a hedge starts and whether there is time for another try.
#include <algorithm>

#include "core/engine.h"

namespace pester::core {

namespace {

constexpr uint16_t kSoonPerMille = 100;  // of an origin's answers, the tenth that comes first
constexpr Duration kHedgeLeast = Duration::from_ms(1);

}  // namespace

// For an exchange beyond the request's first. Given back if it never leaves.
bool Engine::pay(Lane& lane, Instant now) {
  const Request& request = *lane.request;
  if (!request.policy->use_budget || ledger_ == nullptr) return true;
  request.accounts[lane.index].payment = ledger_->reserve(now);
  if (request.accounts[lane.index].payment) return true;
  ++counters_.unpaid;
  return false;
}

// The lane ends: what it still has on credit goes back.
void Engine::give_back(Lane& lane, Instant now) {
  Payment& payment = lane.request->accounts[lane.index].payment;
  if (ledger_ != nullptr && payment) ledger_->refund(payment, now);
  payment = {};
  release(lane);
}

bool Engine::admit(Lane& lane, Instant now) {
  Health* health = lane.request->origin->health;
  if (health == nullptr) return true;
  const Admission admission = health->breaker.admit(now);
  if (admission.verdict == Admit::refuse) {
    ++counters_.refused;
    return false;
  }
  lane.request->accounts[lane.index].permit = admission.permit;
  return true;
}

// No use to wait for an attempt that will not be let through.
bool Engine::breaker_is_open_until(const Request& request, Instant due, Instant now) {
  Health* health = request.origin->health;
  if (!request.policy->use_breaker || health == nullptr) return false;
  const BreakerState state = health->breaker.state();
  if (state != BreakerState::open && state != BreakerState::forced_open) return false;
  const Admission admission = health->breaker.admit(now);
  if (admission.verdict == Admit::refuse) return admission.retry_at > due;
  health->breaker.release(admission.permit);
  return false;
}

// What the breaker let through has come to something.
void Engine::settle(Lane& lane, CallResult result, Instant now) {
  if (lane.request->accounts == nullptr) return;
  Permit& permit = lane.request->accounts[lane.index].permit;
  if (permit.era == 0) return;
  lane.request->origin->health->breaker.record(permit, result, now, Rng::unit(random_bits()));
  permit = {};
}

// Or to nothing that says anything of the origin.
void Engine::release(Lane& lane) {
  if (lane.request->accounts == nullptr) return;
  Permit& permit = lane.request->accounts[lane.index].permit;
  if (permit.era != 0) lane.request->origin->health->breaker.release(permit);
  permit = {};
}

// Since the exchange began: the wait for a connection counts, as it does for the user.
Duration Engine::elapsed(const Lane& lane, Instant now) {
  if (lane.record < 0) return {};
  const Request& request = *lane.request;
  return {now.ns - request.began.ns - request.records[lane.record].started};
}

void Engine::note_head(Lane& lane, Instant now) {
  Health& health = *lane.request->origin->health;
  if (lane.request->policy->rules.retries_status(lane.status)) {
    settle(lane, CallResult::failed, now);  // how fast it failed is no news of how long to wait
    return;
  }
  const Duration took = elapsed(lane, now);
  settle(lane, health.breaker.result_of_success(took), now);
  health.digest.record(took, now);
}

void Engine::note_failure(Lane& lane, int error, Instant now) {
  const FailureClass failure = class_of(error, false);
  if (failure == FailureClass::final || error == PESTER_EQUEUE) {
    release(lane);
    return;
  }
  settle(lane, CallResult::failed, now);
  if (failure == FailureClass::timeout) {
    lane.request->origin->health->digest.record(elapsed(lane, now), now);
  }
}

// It took so long at least. Of a loser that is closed, that is news only beyond what is usual: a hedge
// that was cut as soon as it began would tell of a fast origin.
void Engine::note_cut(Lane& lane, int error, Instant now) {
  const Request& request = *lane.request;
  if (lane.exchange != ExchangeState::awaiting) return;
  if (error == PESTER_ETIMEOUT_TOTAL) {
    settle(lane, CallResult::failed, now);
  } else if (request.state != RequestState::receiving || request.policy->loser_drain.ns > 0) {
    return;
  }
  if (request.policy->hedge_per_mille == 0) return;
  LatencyDigest& digest = request.origin->health->digest;
  const Duration took = elapsed(lane, now);
  if (took > digest.quantile(request.policy->hedge_per_mille, now)) digest.record(took, now);
}

Duration Engine::hedge_wait(const Request& request, Instant now) {
  const Policy& policy = *request.policy;
  const Duration fixed = policy.hedge_after.ns > 0 ? policy.hedge_after : Duration::never();
  if (policy.hedge_per_mille == 0 || request.origin->health == nullptr) return fixed;
  const Duration usual = request.origin->health->digest.quantile(policy.hedge_per_mille, now);
  return usual.ns == 0 ? fixed : std::max(usual, kHedgeLeast);
}

// Not even a quick answer would be in time.
bool Engine::is_in_vain(const Request& request, Instant start, Instant now) {
  const Health* health = request.origin->health;
  if (!request.policy->feasible || health == nullptr) return false;
  return start + request.origin->health->digest.quantile(kSoonPerMille, now) >= end_of(request);
}

}  // namespace pester::core
