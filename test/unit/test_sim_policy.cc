// SPDX-License-Identifier: MIT
// Claims about the simulation's reader of policies: the library's own reads them, and what cannot be
// simulated is refused.
#include "sim/policy.h"

#include "support/cmocka.h"

using pester::core::Policy;

namespace {

int64_t no_wait(const pester_backoff_input_t*, void*) {
  return 0;
}

pester_verdict_t no_verdict(const pester_result_t*, const pester_exchange_t*, void*) {
  return PESTER_VERDICT_DEFAULT;
}

void functions_of_the_users_are_refused_by_name(void**) {
  pester_policy_t given;
  pester_policy_init(&given, PESTER_POLICY_PESTER);
  given.backoff.kind = PESTER_BACKOFF_CUSTOM;
  given.backoff.fn = no_wait;
  Policy policy;
  std::string why;
  assert_int_equal(pester::sim::read_policy(given, &policy, &why), PESTER_EOPTION);
  assert_string_equal(why.c_str(), "backoff.fn: cannot be simulated");
  pester_policy_init(&given, PESTER_POLICY_PESTER);
  given.retry = no_verdict;
  assert_int_equal(pester::sim::read_policy(given, &policy, &why), PESTER_EOPTION);
  assert_string_equal(why.c_str(), "retry: cannot be simulated");
}

void what_the_library_refuses_is_refused_and_changes_nothing(void**) {
  pester_policy_t given;
  pester_policy_init(&given, PESTER_POLICY_HEDGED);
  given.total_timeout_ms = -7;
  Policy policy;
  std::string why;
  assert_int_equal(pester::sim::read_policy(given, &policy, &why), PESTER_EOPTION);
  assert_string_equal(why.c_str(), "total_timeout_ms: negative");
  assert_true(policy == Policy{});
  given.total_timeout_ms = 0;
  assert_int_equal(pester::sim::read_policy(given, &policy, &why), 0);
  assert_int_equal(policy.hedge_per_mille, 930);
  assert_true(policy.use_budget && policy.use_breaker && policy.feasible);
}

void what_was_not_filled_in_is_refused(void**) {
  pester_policy_t given = {};
  Policy policy;
  std::string why;
  assert_int_equal(pester::sim::read_policy(given, &policy, &why), PESTER_EOPTION);
  assert_true(why.find("policy: ") == 0);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_the_library_refuses_is_refused_and_changes_nothing),
      cmocka_unit_test(what_was_not_filled_in_is_refused),
      cmocka_unit_test(functions_of_the_users_are_refused_by_name),
  };
  const int failures = cmocka_run_group_tests_name("sim_policy", tests, nullptr, nullptr);
  return failures != 0;
}
