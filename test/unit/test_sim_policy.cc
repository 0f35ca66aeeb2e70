// SPDX-License-Identifier: MIT
// Claims about the simulation's reader of policies: it means what the library's reader means, field by
// field and number by number, those included that are yet to be appended.
#include "sim/policy.h"

#include <cstddef>
#include <cstring>
#include <initializer_list>

#include "api/objects.h"

#include "support/cmocka.h"

using pester::core::Policy;

namespace {

// Both readers on the same policy.
void agree(const pester_policy_t& given, const char* what, int64_t value) {
  pester::api::UserPolicy library;
  pester::core::Why why;
  const int wanted = pester::api::read_policy(given, &library, &why);
  Policy simulated;
  std::string sim_why;
  const int got = pester::sim::read_policy(given, &simulated, &sim_why);
  if (got != wanted) {
    fail_msg("%s of %lld: %d instead of %d (%s)", what, static_cast<long long>(value), got, wanted,
             sim_why.c_str());
  }
  if (got == 0 && !(simulated == library.core)) {
    fail_msg("%s of %lld means something else", what, static_cast<long long>(value));
  }
  if (got != 0) assert_true(sim_why.size() > 1 && simulated == Policy{});
}

bool is_pointer(size_t offset) {
  for (const size_t pointer :
       {offsetof(pester_policy_t, retry_on), offsetof(pester_policy_t, retry),
        offsetof(pester_policy_t, retry_data), offsetof(pester_policy_t, backoff.fn),
        offsetof(pester_policy_t, backoff.data)}) {
    if (offset >= pointer && offset < pointer + sizeof(void*)) return true;
  }
  return false;
}

// Every word of the struct takes every one of these, as a number of 4 bytes and as one of 8.
void every_number_means_what_it_means_to_the_library(void**) {
  constexpr int64_t kNumbers[] = {0, 1, 2, 3, 7, 10, 11, 64, 65, 1'000, 123'456, INT32_MAX, -1, -2, -7};
  size_t words = 0;
  for (size_t at = sizeof(size_t); at + sizeof(int) <= sizeof(pester_policy_t); at += sizeof(int)) {
    if (is_pointer(at)) continue;
    ++words;
    for (const int64_t number : kNumbers) {
      pester_policy_t given;
      pester_policy_init(&given, PESTER_POLICY_PESTER);
      const auto narrow = static_cast<int>(number);
      std::memcpy(reinterpret_cast<char*>(&given) + at, &narrow, sizeof narrow);
      agree(given, ("the word at " + std::to_string(at)).c_str(), number);
      if (at % sizeof number != 0 || is_pointer(at + sizeof narrow)) continue;
      if (at + sizeof number > sizeof given) continue;
      std::memcpy(reinterpret_cast<char*>(&given) + at, &number, sizeof number);
      agree(given, ("the words at " + std::to_string(at)).c_str(), number);
    }
  }
  assert_true(words >= 20);
}

void retry_on_means_the_same(void**) {
  for (const char* list : {"5xx", "+429,-body", "503, connect", "", "nonsense", "+700"}) {
    pester_policy_t given;
    pester_policy_init(&given, PESTER_POLICY_PESTER);
    given.retry_on = list;
    agree(given, list, 0);
  }
}

void backoffs_mean_the_same_in_every_combination(void**) {
  for (int kind = PESTER_BACKOFF_DEFAULT; kind < PESTER_BACKOFF_CUSTOM; ++kind) {
    for (const int64_t base : {-1, 0, 5}) {
      for (const int64_t cap : {-1, 0, 9}) {
        pester_policy_t given;
        pester_policy_init(&given, PESTER_POLICY_PESTER);
        given.backoff.kind = kind;
        given.backoff.base_ms = base;
        given.backoff.cap_ms = cap;
        agree(given, "backoff", kind);
      }
    }
  }
}

int64_t no_wait(const pester_backoff_input_t*, void*) {
  return 0;
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
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_number_means_what_it_means_to_the_library),
      cmocka_unit_test(retry_on_means_the_same),
      cmocka_unit_test(backoffs_mean_the_same_in_every_combination),
      cmocka_unit_test(functions_of_the_users_are_refused_by_name),
  };
  const int failures = cmocka_run_group_tests_name("sim_policy", tests, nullptr, nullptr);
  return failures != 0;
}
