// SPDX-License-Identifier: MIT
// Field by field, on top of the named policy.
#include "cli/policy_setup.h"

namespace pester::cli {

namespace {

// What was not given stays as the named policy has it.
template <class Number>
void set(Number* field, Number given) {
  if (given != 0) *field = given;
}

}  // namespace

pester_policy_t policy_of(const Options& o) {
  pester_policy_t policy;
  pester_policy_init(&policy, o.resilience.policy);
  set(&policy.concurrency, o.resilience.concurrency);
  set(&policy.max_attempts, o.resilience.max_attempts);
  if (o.resilience.backoff) {
    policy.backoff.kind = o.resilience.backoff->kind;
    policy.backoff.base_ms = o.resilience.backoff->base_ms;
    policy.backoff.cap_ms = o.resilience.backoff->cap_ms;
  }
  if (o.resilience.retry_on) policy.retry_on = o.resilience.retry_on->c_str();
  set(&policy.retry_unsafe, o.resilience.retry_unsafe ? 1 : 0);
  set(&policy.hedge_after_ms, o.resilience.hedge_after_ms);
  set(&policy.hedge_per_mille, o.resilience.hedge_per_mille);
  set(&policy.loser_drain_ms, o.resilience.loser_drain_ms);
  set(&policy.budget, o.resilience.budget);
  set(&policy.breaker, o.resilience.breaker);
  set(&policy.origin_gate, o.resilience.origin_gate);
  set(&policy.max_resumes, o.resilience.max_resumes);
  set(&policy.endpoint_ejection, o.resilience.endpoint_ejection);
  set(&policy.retry_after_max_ms, o.resilience.retry_after_max_ms);
  set(&policy.connect_timeout_ms, o.connection.connect_timeout_ms);
  set(&policy.attempt_timeout_ms, o.connection.attempt_timeout_ms);
  set(&policy.total_timeout_ms, o.connection.max_time_ms);
  return policy;
}

}  // namespace pester::cli
