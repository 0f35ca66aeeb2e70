// SPDX-License-Identifier: MIT
// Claims about memory: the nth allocation fails, or all from the nth on, n = 1, 2, 3 … until a run
// passes untouched. Then there are codes only, one end for each request, and nothing is leaked.
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

void one_allocation_that_fails_is_a_code(void**) {
  for (const Way way : kWays) torture(way, false);
}
void memory_that_stays_out_is_a_code(void**) {
  for (const Way way : kWays) torture(way, true);
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
  };
  return cmocka_run_group_tests(tests, open_scenario, close_scenario) != 0;
}
