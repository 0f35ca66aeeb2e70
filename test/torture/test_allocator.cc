// SPDX-License-Identifier: MIT
// Claims about memory: the nth allocation fails, or all from the nth on, n = 1, 2, 3 … until a run
// passes untouched. Then there are codes only, one end for each request, and nothing is leaked.
#include "handed_over.h"
#include "resilience.h"
#include "scenario.h"

#include "support/cmocka.h"

using namespace pester::test;

namespace {

Scenario scenario;
long calls, fail_at, live;
bool fail_on;   // all from there on
uint32_t seed;  // not 0: one in eight, by the dice of this seed
// What failed is asked for once more when something was given back for it: that fails as well, or no
// failure would ever get further.
size_t refused;
bool given_back;

bool fails() {
  ++calls;
  if (seed != 0) return roll(&seed) % 8 == 0;
  return fail_at != 0 && (calls == fail_at || (fail_on && calls > fail_at));
}
bool is_asked_again(size_t size) {
  const bool again = size <= refused && given_back;
  refused = 0;
  return again;
}
void* alloc(size_t size, void*) {
  if (is_asked_again(size)) return nullptr;
  if (fails()) {
    refused = size;
    given_back = false;
    return nullptr;
  }
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
  given_back = true;
  std::free(block);
}
const pester_allocator_t allocator = {alloc, resize, release, nullptr};

void torture(Way way, bool on) {
  fail_on = on;
  for (fail_at = 1;; ++fail_at) {
    calls = live = 0;
    refused = 0;
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
const char* torture(Feature feature) {
  Resilience resilience(feature);
  const char* wrong = nullptr;
  const auto run = [&](const char* what, long nth, Patience patience) {
    calls = live = 0;
    refused = 0;
    wrong = resilience.run(&allocator, patience);
    seed = 0;
    if (wrong == nullptr && live != 0) wrong = "memory is leaked";
    if (wrong == nullptr && resilience.strange_error() != 0) {
      wrong = pester_err_name(resilience.strange_error());
    }
    if (wrong != nullptr) std::fprintf(stderr, "%s %ld\n", what, nth);
    return wrong == nullptr;
  };
  for (const bool on : {false, true}) {
    fail_on = on;
    fail_at = 1;
    while (run(on ? "all from allocation" : "allocation", fail_at, Patience::short_)) {
      if (calls < fail_at) break;
      if (!on && resilience.hurt() > 1) {  // or it was short of time
        if (!run("allocation", fail_at, Patience::long_)) break;
        if (resilience.hurt() > 1) return "one failure hurt several requests";
      }
      ++fail_at;
    }
    if (wrong != nullptr) return wrong;
    if (fail_at <= 5) return "there were no allocations";
  }
  fail_at = 0;
  for (int i = 1; i <= rounds_of(feature); ++i) {
    seed = static_cast<uint32_t>(i);
    if (!run("seed", i, Patience::short_)) return wrong;
  }
  for (const Deed deed : {Deed::cancel, Deed::close}) {
    for (int turn = 1; turn <= 60; turn += 100 / rounds_of(feature)) {  // with memory, and with some
      resilience.interrupt(deed, turn);
      if (!run(deed == Deed::cancel ? "cancelled in turn" : "closed in turn", turn, Patience::short_)) {
        return wrong;
      }
      if (resilience.turns() < turn) break;
      seed = static_cast<uint32_t>(turn);
      if (!run(deed == Deed::cancel ? "cancelled, seed" : "closed, seed", turn, Patience::short_)) {
        return wrong;
      }
    }
  }
  resilience.interrupt(Deed::none, 0);
  return run("untouched", 0, Patience::long_) ? resilience.went_as_meant() : wrong;
}

const char* torture_handed_over(bool tls) {
  HandedOver handed_over(tls);
  const char* wrong = nullptr;
  const auto run = [&](const char* what, long nth) {
    calls = live = 0;
    refused = 0;
    wrong = handed_over.run(&allocator);
    seed = 0;
    if (wrong == nullptr && live != 0) wrong = "memory is leaked";
    if (wrong != nullptr) std::fprintf(stderr, "%s %ld\n", what, nth);
    return wrong == nullptr;
  };
  for (const bool on : {false, true}) {
    fail_on = on;
    for (fail_at = 1; run(on ? "all from allocation" : "allocation", fail_at); ++fail_at) {
      if (calls < fail_at) break;
    }
    if (wrong != nullptr) return wrong;
  }
  fail_at = 0;
  for (int i = 1; i <= (tls ? 20 : 100); ++i) {
    seed = static_cast<uint32_t>(i);
    if (!run("seed", i)) return wrong;
  }
  for (const Deed deed : {Deed::cancel, Deed::close}) {
    for (int turn = 1; turn <= 60; turn += tls ? 3 : 1) {
      handed_over.interrupt(deed, turn);
      if (!run(deed == Deed::cancel ? "cancelled in turn" : "closed in turn", turn)) return wrong;
      if (handed_over.turns() < turn) break;
    }
  }
  handed_over.interrupt(Deed::none, 0);
  if (!run("untouched", 0)) return wrong;
  return handed_over.went_as_meant() ? nullptr : "untouched, it went otherwise";
}

template <bool tls>
void whatever_allocation_fails_a_stream_has_one_end(void**) {
  const char* wrong = torture_handed_over(tls);
  if (wrong != nullptr) fail_msg("%s", wrong);
}

void one_allocation_that_fails_is_a_code(void**) {
  for (const Way way : kWays) torture(way, false);
}
void memory_that_stays_out_is_a_code(void**) {
  for (const Way way : kWays) torture(way, true);
}

template <Feature feature>
void whatever_allocation_fails(void**) {
  const char* wrong = torture(feature);
  if (wrong != nullptr) fail_msg("%s: %s", name_of(feature), wrong);
}

int open_scenario(void**) {
  if (!make_pki()) return -1;
  scenario.open();
  return 0;
}
int close_scenario(void**) {
  scenario.close();
  remove_pki();
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
      cmocka_unit_test(whatever_allocation_fails<Feature::resumed_over_tls>),
      cmocka_unit_test(whatever_allocation_fails<Feature::dial_race>),
      cmocka_unit_test(whatever_allocation_fails<Feature::ejection>),
      cmocka_unit_test(whatever_allocation_fails<Feature::cookies>),
      cmocka_unit_test(whatever_allocation_fails<Feature::decoded>),
      cmocka_unit_test(whatever_allocation_fails<Feature::shared>),
      cmocka_unit_test(whatever_allocation_fails<Feature::parted>),
      cmocka_unit_test(whatever_allocation_fails_a_stream_has_one_end<false>),
      cmocka_unit_test(whatever_allocation_fails_a_stream_has_one_end<true>),
  };
  return cmocka_run_group_tests(tests, open_scenario, close_scenario) != 0;
}
