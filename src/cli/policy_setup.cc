// SPDX-License-Identifier: MIT
// Field by field; what an option leaves open stays 0, which the library reads as its default.
#include "cli/policy_setup.h"

namespace pester::cli {

pester_policy_t policy_of(const Options& o) {
  pester_policy_t policy;
  pester_policy_init(&policy, PESTER_POLICY_PESTER);
  policy.concurrency = o.resilience.concurrency;
  policy.max_attempts = o.resilience.max_attempts;
  if (o.resilience.backoff) {
    policy.backoff.kind = o.resilience.backoff->kind;
    policy.backoff.base_ms = o.resilience.backoff->base_ms;
    policy.backoff.cap_ms = o.resilience.backoff->cap_ms;
  }
  if (o.resilience.retry_on) policy.retry_on = o.resilience.retry_on->c_str();
  policy.retry_unsafe = o.resilience.retry_unsafe ? 1 : 0;
  policy.hedge_after_ms = o.resilience.hedge_after_ms;
  policy.retry_after_max_ms = o.resilience.retry_after_max_ms;
  policy.connect_timeout_ms = o.connection.connect_timeout_ms;
  policy.attempt_timeout_ms = o.connection.attempt_timeout_ms;
  policy.total_timeout_ms = o.connection.max_time_ms;
  return policy;
}

}  // namespace pester::cli
