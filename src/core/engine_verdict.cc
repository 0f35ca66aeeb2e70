// SPDX-License-Identifier: MIT
// What is made of an attempt that has failed: whether its lane tries again, when, or why not. Refuses to
// know how an exchange is made.
#include <algorithm>

#include "core/engine.h"
#include "core/retry_after.h"

namespace pester::core {

namespace {

constexpr int kNoName = -3008;  // UV_EAI_NONAME, UV_EAI_NODATA: the name itself is the trouble
constexpr int kNoData = -3007;
constexpr uint8_t kLookupFailuresMax = 3;

}  // namespace

// The server has answered that it failed: had it done something before?
bool Engine::may_repeat_answered(const Lane& lane) {
  constexpr uint16_t kUnavailable = 503, kFirstOfServer = 500;
  return may_repeat(lane) || lane.request->policy->answered_unsafe || lane.status < kFirstOfServer ||
         lane.status == kUnavailable;
}

Stop Engine::stop_of(Denial why) {
  switch (why) {
    case Denial::attempts:
      return Stop::attempts;
    case Denial::deadline:
    case Denial::in_vain:
      return Stop::deadline;
    case Denial::budget:
      return Stop::budget;
    case Denial::breaker:
      return Stop::breaker;
    case Denial::none:
    case Denial::rules:
    case Denial::predicate:
    case Denial::unsafe:
    case Denial::lookup:
    case Denial::told:
    case Denial::retry_after:
    case Denial::no_latencies:
    case Denial::room:
    case Denial::body:
    case Denial::limit:
      return Stop::not_retryable;
  }
  return Stop::not_retryable;
}

void Engine::judge_response(Lane& lane, Verdict verdict, Instant now) {
  const bool retry =
      verdict == Verdict::retry ||
      (verdict == Verdict::by_rule && lane.request->policy->rules.retries_status(lane.status));
  if (!retry) {
    commit(lane, true, now);
    return;
  }
  note_rule(lane, verdict == Verdict::by_rule ? Rule::status : Rule::predicate);
  if (may_roam(lane)) note_target_failure(lane, now);
  if (verdict == Verdict::by_rule && !may_repeat_answered(lane)) {
    give_up(lane, Denial::unsafe, now);
  } else {
    try_again(lane, now);
  }
}

// The exchange is finished without a response that counts; lane.error says why.
void Engine::judge_failure(Lane& lane, Verdict verdict, Instant now) {
  Request& request = *lane.request;
  const bool body = lane.delivery == Delivery::answered;
  const FailureClass failure = class_of(lane.error, body);
  const bool by_user = verdict == Verdict::retry || verdict == Verdict::accept;
  const bool no_name = lane.error == kNoName || lane.error == kNoData;
  if (no_name) ++request.lookup_failures;
  note_rule(lane, by_user ? Rule::predicate : Rule::failure);
  if (may_roam(lane)) note_target_failure(lane, now);
  if (lane.error == PESTER_EBREAKER) {
    give_up(lane, Denial::breaker, now);
  } else if (lane.source_failed) {
    give_up(lane, Denial::body, now);
  } else if (verdict == Verdict::accept) {
    give_up(lane, Denial::predicate, now);
  } else if (!by_user && !request.policy->rules.retries_class(failure)) {
    give_up(lane, Denial::rules, now);
  } else if (lane.delivery != Delivery::unsent && !may_repeat(lane)) {
    give_up(lane, Denial::unsafe, now);
  } else if (no_name && request.lookup_failures >= kLookupFailuresMax) {
    give_up(lane, Denial::lookup, now);
  } else {
    try_again(lane, now);
  }
}

void Engine::try_again(Lane& lane, Instant now) {
  const Policy& policy = *lane.request->policy;
  if (lane.attempt >= policy.max_attempts && policy.max_attempts != Policy::kUnlimited) {
    give_up(lane, Denial::attempts, now);
    return;
  }
  if (lane.request->body_gone) {
    give_up(lane, Denial::body, now);
    return;
  }
  if (policy.backoff.kind == BackoffKind::custom) {
    ask(lane, Question::backoff);
    return;
  }
  const double u = Rng::unit(random_bits());
  backoff(lane, backoff_wait(policy.backoff, lane.attempt, lane.backoff, u), now);
}

// How long the server of that target asked to be left alone.
Duration Engine::asks_for(const Lane& lane, uint8_t target, Instant now) {
  const Request& request = *lane.request;
  if (request.policy->retry_after_max.ns <= 0) return {};
  if (!may_roam(lane)) return Duration::from_ms(int64_t{lane.retry_after_s} * 1'000);
  return std::max(request.targets[target].not_before - now, Duration{});
}

void Engine::backoff(Lane& lane, Duration wait, Instant now) {
  Request& request = *lane.request;
  lane.question = Question::none;
  if (wait.ns < 0) wait.ns = 0;
  lane.backoff = wait;
  const uint8_t target = may_roam(lane) ? choose_target(lane, now) : lane.target;
  const Origin& origin = target == lane.target ? *lane.origin : *request.targets[target].origin;
  if (const Duration asked = asks_for(lane, target, now); asked.ns > 0) {
    if (asked > request.policy->retry_after_max) {
      give_up(lane, Denial::retry_after, now);  // the user is better served by the answer
      return;
    }
    wait = std::max(wait, retry_after_wait(asked, Rng::unit(random_bits())));
  }
  const Instant due = now + wait;
  if (due >= end_of(request)) {
    give_up(lane, Denial::deadline, now);
    return;
  }
  if (is_in_vain(request, origin, due, now)) {
    give_up(lane, Denial::in_vain, now);
    return;
  }
  if (breaker_is_open_until(request, origin, due, now)) {
    give_up(lane, Denial::breaker, now);
    return;
  }
  const bool paid = pay(lane, now);
  note_balance(lane, now);
  if (!paid) {
    tell_when_paid(request, now);
    give_up(lane, Denial::budget, now);
    return;
  }
  lane.previewing = false;
  write_record(lane, Outcome::retried, now);
  Connection* const had = lane.connection;
  if (lane.exchange == ExchangeState::deciding) end_exchange(lane, ExchangeSignal::drop, now);
  if (request.accounts != nullptr) end_place(lane, had, now);
  wheel_.disarm(lane.attempt_deadline);
  if (target != lane.target) go_to(lane, target);
  kLaneTable.step(lane.state, LaneSignal::retry);
  lane.waited = wait;
  histograms_.backoffs.record(wait);
  wheel_.arm(lane.phase, due);
}

void Engine::note_rule(const Lane& lane, Rule rule) {
  if (lane.record >= 0) lane.request->records[lane.record].rule = rule;
}

void Engine::give_up(Lane& lane, Denial why, Instant now) {
  Request& request = *lane.request;
  const Stop stop = stop_of(why);
  lane.stop = stop;
  ++counters_.denied[static_cast<int>(why)];
  if (lane.record >= 0) request.records[lane.record].denial = why;
  if (lane.exchange == ExchangeState::deciding) {
    keep_last_response(lane, now);
    return;
  }
  write_record(lane, Outcome::failed, now);
  if (request.accounts != nullptr) give_back(lane, now);
  kLaneTable.step(lane.state, LaneSignal::give_up);
  wheel_.disarm(lane.phase);
  wheel_.disarm(lane.attempt_deadline);
  request.error = lane.error;
  request.stop = stop;
  start_next_lane(request, now);
  check_exhausted(request, now);
}

}  // namespace pester::core
