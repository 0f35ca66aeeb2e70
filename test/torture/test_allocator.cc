// SPDX-License-Identifier: MIT
// Claims about memory: the nth allocation fails, or all from the nth on, n = 1, 2, 3 … until a run
// passes untouched. Then there are codes only, one end for each request, and nothing is leaked.
#include <climits>

#include "resilience.h"
#include "scenario.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Scenario scenario;
long calls, fail_at, live;
bool fail_on;  // all from there on

bool fails() {
  ++calls;
  return fail_at != 0 && (calls == fail_at || (fail_on && calls > fail_at));
}
void* alloc(size_t size, void*) {
  if (fails()) return nullptr;
  ++live;
  return std::malloc(size);
}
void* resize(void* block, size_t size, void*) {
  if (fails()) return nullptr;
  if (block == nullptr) ++live;
  return std::realloc(block, size);
}
void release(void* block, void*) {
  if (block != nullptr) --live;
  std::free(block);
}
const pester_allocator_t allocator = {alloc, resize, release, nullptr};

void torture(Way way, bool on) {
  fail_on = on;
  for (fail_at = 1;; ++fail_at) {
    calls = live = 0;
    const char* wrong = scenario.run(way, &allocator);
    if (wrong == nullptr && live != 0) wrong = "memory is leaked";
    if (wrong == nullptr && scenario.last_error() != 0 && scenario.last_error() != UV_ENOMEM &&
        way != Way::closed_midway) {
      wrong = pester_err_name(scenario.last_error());
    }
    if (wrong != nullptr) {
      std::fprintf(stderr, "%s, allocation %ld%s: %s\n", kWayNames[static_cast<int>(way)], fail_at,
                   on ? " and all after it" : "", wrong);
    }
    assert_null(wrong);
    if (calls < fail_at) break;
  }
  assert_true(fail_at > 5);
}

// What is wrong, if anything; asserts would jump over the end of the servers.
const char* torture(Feature feature, bool on) {
  Resilience resilience(feature);
  const char* wrong = nullptr;
  const auto run = [&](long nth, Patience patience) {
    fail_at = nth;
    calls = live = 0;
    wrong = resilience.run(&allocator, patience);
    if (wrong == nullptr && live != 0) wrong = "memory is leaked";
    if (wrong == nullptr && resilience.strange_error() != 0) {
      wrong = pester_err_name(resilience.strange_error());
    }
    if (wrong != nullptr) {
      std::fprintf(stderr, "%s, allocation %ld%s: %s\n", name_of(feature), nth,
                   on ? " and all after it" : "", wrong);
    }
    return wrong == nullptr && calls >= nth;
  };
  fail_on = on;
  long n = 1;
  while (run(n, Patience::short_)) ++n;
  if (wrong == nullptr && n <= 5) return "there were no allocations";
  if (wrong == nullptr) (void)run(LONG_MAX, Patience::long_);  // untouched, and nothing in a hurry
  return wrong == nullptr ? resilience.went_as_meant() : wrong;
}

void one_allocation_that_fails_is_a_code(void**) {
  for (const Way way : kWays) torture(way, false);
}
void memory_that_stays_out_is_a_code(void**) {
  for (const Way way : kWays) torture(way, true);
}

template <Feature feature>
void whatever_allocation_fails(void**) {
  for (const bool on : {false, true}) {
    const char* wrong = torture(feature, on);
    if (wrong != nullptr) fail_msg("%s: %s", name_of(feature), wrong);
  }
}

int open_scenario(void**) {
  scenario.open();
  return 0;
}
int close_scenario(void**) {
  scenario.close();
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(one_allocation_that_fails_is_a_code),
      cmocka_unit_test(memory_that_stays_out_is_a_code),
      cmocka_unit_test(whatever_allocation_fails<Feature::standard>),
      cmocka_unit_test(whatever_allocation_fails<Feature::hedged>),
      cmocka_unit_test(whatever_allocation_fails<Feature::base_urls>),
      cmocka_unit_test(whatever_allocation_fails<Feature::fallback>),
      cmocka_unit_test(whatever_allocation_fails<Feature::fixed_fallback>),
      cmocka_unit_test(whatever_allocation_fails<Feature::streamed_fallback>),
      cmocka_unit_test(whatever_allocation_fails<Feature::bulkhead>),
      cmocka_unit_test(whatever_allocation_fails<Feature::resumed>),
      cmocka_unit_test(whatever_allocation_fails<Feature::dial_race>),
      cmocka_unit_test(whatever_allocation_fails<Feature::ejection>),
  };
  return cmocka_run_group_tests(tests, open_scenario, close_scenario) != 0;
}
