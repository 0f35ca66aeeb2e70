// SPDX-License-Identifier: MIT
// A streamed body that broke off goes on in another response, where the user's part of it ends: a
// follow-up of the attempt, after a wait, within a limit of its own, paid for like a retry. Refuses to
// know what proves that a response is the rest: the shell says so.
#include <algorithm>

#include "core/assert.h"
#include "core/engine.h"
#include "core/retry_after.h"

namespace pester::core {

namespace {

// Could another try end otherwise?
bool is_passing(const Lane& lane) {
  if (lane.error == PESTER_ETIMEOUT_ATTEMPT) return false;  // its follow-ups are within it
  if (lane.error == PESTER_ERESUME) return lane.request->policy->rules.retries_status(lane.status);
  switch (class_of(lane.error, lane.delivery == Delivery::answered)) {
    case FailureClass::connect:
    case FailureClass::dns:
    case FailureClass::timeout:
    case FailureClass::reset:
    case FailureClass::body:
      return true;
    case FailureClass::none:
    case FailureClass::tls:
    case FailureClass::protocol:
    case FailureClass::final:
      return false;
  }
  return false;
}

// Of a response that the user has heard nothing of: is a retry likely to follow anyway?
bool is_retried(const Lane& lane) {
  const Policy& policy = *lane.request->policy;
  const bool is_last = lane.attempt >= policy.max_attempts && policy.max_attempts != Policy::kUnlimited;
  const FailureClass failure = class_of(lane.error, true);
  return !is_last && (policy.ask_verdict || policy.rules.retries_class(failure));
}

}  // namespace

// The lane's exchange has failed, and it was the one that brought the user's body. What the user has
// heard nothing of is tried again instead, as long as that may be.
bool Engine::try_resume(Lane& lane, Instant now) {
  Request& request = *lane.request;
  const Policy& policy = *request.policy;
  if (policy.resumes_max == 0 || !is_passing(lane)) return false;
  const bool untold = (request.work & request_work::kHead) != 0;
  if (!request.head_told && (untold || is_retried(lane) || may_fall_back(request))) return false;
  Duration wait{};  // a backoff of the user's is for retries
  if (policy.backoff.kind != BackoffKind::custom) {
    wait = backoff_wait(policy.backoff, uint32_t{request.resumes} + 1, lane.backoff,
                        Rng::unit(random_bits()));
  }
  lane.backoff = wait;
  if (lane.retry_after_s != 0 && policy.retry_after_max.ns > 0) {
    const Duration asked = Duration::from_ms(int64_t{lane.retry_after_s} * 1'000);
    wait = std::max(wait, retry_after_wait(asked, Rng::unit(random_bits())));
  }
  const Denial denial = why_not_resume(lane, now + wait, now);
  note_balance(lane, now);
  if (denial != Denial::none) {
    ++counters_.denied[static_cast<int>(denial)];
    if (lane.record >= 0) request.records[lane.record].denial = denial;
    return false;
  }
  ++request.resumes;
  request.head_told = true;  // whether or not the user has heard of it: it is the one
  lane.resuming = true;
  write_record(lane, Outcome::followed, now);
  kLaneTable.step(lane.state, LaneSignal::retry);
  lane.waited = wait;
  wheel_.arm(lane.phase, now + wait);
  return true;
}

Denial Engine::why_not_resume(const Lane& lane, Instant due, Instant now) {
  const Request& request = *lane.request;
  if (request.resumes >= request.policy->resumes_max) return Denial::attempts;
  if (request.body_gone) return Denial::body;
  if (Duration::from_ms(int64_t{lane.retry_after_s} * 1'000) > request.policy->retry_after_max &&
      request.policy->retry_after_max.ns > 0) {
    return Denial::retry_after;
  }
  const bool attempt_is_over = lane.attempt_deadline.armed() && due >= lane.attempt_deadline.at;
  if (due >= end_of(request) || attempt_is_over) return Denial::deadline;
  if (is_in_vain(request, *lane.origin, due, now)) return Denial::in_vain;
  if (breaker_is_open_until(request, *lane.origin, due, now)) return Denial::breaker;
  if (pay(request.lanes[lane.index], now)) return Denial::none;
  tell_when_paid(*lane.request, now);
  return Denial::budget;
}

void Engine::begin_resume(Lane& lane, Instant now) {
  ++counters_.resumes;
  lane.resent = lane.fresh = false;
  begin_exchange(lane, Kind::resume, now);
}

// A head has come, and the shell has looked at it.
void Engine::take_rest(Lane& lane, Instant now) {
  if (!lane.rest_fits) {
    failed(lane, PESTER_ERESUME, now);
    return;
  }
  kExchangeTable.step(lane.exchange, ExchangeSignal::take);
}

}  // namespace pester::core
