// SPDX-License-Identifier: MIT
#include "api/policy_reader.h"

#include <cstring>
#include <iterator>

namespace pester::api {

namespace {

using core::Duration;
using core::Why;

struct Time {
  int64_t given;
  const char* field;
  Duration none;
  Duration* out;
};

// 0 keeps, PESTER_NONE is off, anything else is on.
bool switched(int given, bool kept) {
  return given != 0 ? given != PESTER_NONE : kept;
}

int read_counts(const pester_policy_t& given, core::Policy* policy, Why* why) {
  if (given.concurrency < PESTER_NONE || given.concurrency > PESTER_CONCURRENCY_MAX) {
    return refuse(why, "concurrency", "must be from 1 to 64");
  }
  if (given.max_attempts < PESTER_NONE) return refuse(why, "max_attempts", "negative");
  if (given.hedge_per_mille < PESTER_NONE || given.hedge_per_mille > 999) {
    return refuse(why, "hedge_per_mille", "must be from 1 to 999");
  }
  if (given.max_resumes < PESTER_NONE || given.max_resumes > UINT8_MAX) {
    return refuse(why, "max_resumes", "must be from 1 to 255");
  }
  if (given.max_resumes == PESTER_NONE) policy->resumes_max = 0;
  if (given.max_resumes > 0) policy->resumes_max = static_cast<uint8_t>(given.max_resumes);
  if (given.concurrency == PESTER_NONE) policy->concurrency = 1;
  if (given.concurrency > 0) policy->concurrency = static_cast<uint8_t>(given.concurrency);
  if (given.max_attempts == PESTER_NONE) policy->max_attempts = core::Policy::kUnlimited;
  if (given.max_attempts > 0) policy->max_attempts = static_cast<uint32_t>(given.max_attempts);
  if (given.hedge_per_mille == PESTER_NONE) policy->hedge_per_mille = 0;
  if (given.hedge_per_mille > 0) policy->hedge_per_mille = static_cast<uint16_t>(given.hedge_per_mille);
  return 0;
}

int read_backoff(const pester_backoff_t& given, core::Backoff* backoff, Why* why) {
  if (given.kind < PESTER_BACKOFF_DEFAULT || given.kind > PESTER_BACKOFF_CUSTOM) {
    return refuse(why, "backoff.kind", "no such kind");
  }
  if (given.kind != PESTER_BACKOFF_DEFAULT) *backoff = {static_cast<core::BackoffKind>(given.kind - 1)};
  if (const int rc = read_time(given.base_ms, "backoff.base_ms", Duration{}, &backoff->base, why);
      rc != 0) {
    return rc;
  }
  return read_time(given.cap_ms, "backoff.cap_ms", Duration::never(), &backoff->cap, why);
}

// What `standard` and `hedged` are: fields of a policy that a user could have set.
void fill_standard(pester_policy_t* policy) {
  policy->max_attempts = 3;
  policy->backoff = {PESTER_BACKOFF_FULL_JITTER, 100, 20'000, nullptr, nullptr};
  policy->retry_on = "connect,timeout,reset,408,425,429,500,502,503,504";
  policy->attempt_timeout_ms = 10'000;
  policy->total_timeout_ms = 30'000;
  policy->feasible = 1;
  policy->budget = 1;
  policy->breaker = 1;
  policy->answered_unsafe = PESTER_NONE;
  policy->max_resumes = 3;
  policy->endpoint_ejection = 1;
}

void fill_hedged(pester_policy_t* policy) {
  fill_standard(policy);
  policy->concurrency = 3;
  policy->hedge_per_mille = 930;
  policy->loser_drain_ms = 500;
}

}  // namespace

int refuse(Why* why, const char* field, const char* reason) {
  why->clear();
  why->add(field).add(": ").add(reason);
  return PESTER_EOPTION;
}

int read_time(int64_t given, const char* field, Duration none, Duration* out, Why* why) {
  if (given < PESTER_NONE) return refuse(why, field, "negative");
  if (given == PESTER_NONE) *out = none;
  if (given > 0) *out = Duration::from_ms(given);
  return 0;
}

int read_policy(const pester_policy_t& given, core::Policy* policy, Why* why) {
  if (const int rc = read_counts(given, policy, why); rc != 0) return rc;
  policy->retry_unsafe = switched(given.retry_unsafe, policy->retry_unsafe);
  policy->feasible = switched(given.feasible, policy->feasible);
  policy->use_budget = switched(given.budget, policy->use_budget);
  policy->use_breaker = switched(given.breaker, policy->use_breaker);
  policy->origin_gate = switched(given.origin_gate, policy->origin_gate);
  policy->answered_unsafe = switched(given.answered_unsafe, policy->answered_unsafe);
  policy->eject_endpoints = switched(given.endpoint_ejection, policy->eject_endpoints);
  if (given.retry_on != nullptr) {
    if (const int rc = core::parse_retry_on(given.retry_on, &policy->rules, why); rc != 0) return rc;
  }
  if (const int rc = read_backoff(given.backoff, &policy->backoff, why); rc != 0) return rc;
  const Duration never = Duration::never();
  const Time times[] = {
      {given.retry_after_max_ms, "retry_after_max_ms", Duration{}, &policy->retry_after_max},
      {given.hedge_after_ms, "hedge_after_ms", Duration{}, &policy->hedge_after},
      {given.loser_drain_ms, "loser_drain_ms", Duration{}, &policy->loser_drain},
      {given.connect_timeout_ms, "connect_timeout_ms", never, &policy->connect_timeout},
      {given.first_byte_timeout_ms, "first_byte_timeout_ms", never, &policy->first_byte_timeout},
      {given.body_gap_timeout_ms, "body_gap_timeout_ms", never, &policy->body_gap_timeout},
      {given.attempt_timeout_ms, "attempt_timeout_ms", never, &policy->attempt_timeout},
      {given.total_timeout_ms, "total_timeout_ms", never, &policy->total_timeout}};
  for (const Time& time : times) {
    if (const int rc = read_time(time.given, time.field, time.none, time.out, why); rc != 0) return rc;
  }
  return 0;
}

}  // namespace pester::api

void pester_policy_init_sized(pester_policy_t* policy, int name, size_t struct_size) {
  pester_policy_t filled;
  std::memset(&filled, 0, sizeof filled);
  bool known = true;
  switch (name) {
    case PESTER_POLICY_PESTER:
      break;
    case PESTER_POLICY_STANDARD:
      pester::api::fill_standard(&filled);
      break;
    case PESTER_POLICY_HEDGED:
      pester::api::fill_hedged(&filled);
      break;
    default:
      known = false;
  }
  std::memset(policy, 0, struct_size);
  std::memcpy(policy, &filled, struct_size < sizeof filled ? struct_size : sizeof filled);
  policy->struct_size = known ? struct_size : 0;
}
