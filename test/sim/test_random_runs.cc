// SPDX-License-Identifier: MIT
// Thousands of scenarios, a seed each, checked after every step. A failure prints its seed and the end
// of its log; `test_random_runs SEED` runs that one and prints the whole of it.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sim/scenario.h"

#include "support/cmocka.h"

namespace {

using namespace pester::sim;

uint64_t first_seed = 1;
uint64_t runs = 5'000;
char present_seed[32];

void on_abort(int) {
  const std::string_view text = "seed ";
  (void)!write(STDERR_FILENO, text.data(), text.size());
  (void)!write(STDERR_FILENO, present_seed, std::string_view(present_seed).size());
  (void)!write(STDERR_FILENO, "\n", 1);
}

ScenarioResult run_seed(uint64_t seed, Keeping keeping = Keeping::own) {
  std::snprintf(present_seed, sizeof present_seed, "%llu", static_cast<unsigned long long>(seed));
  SeededChoices choices(seed);
  return run_scenario(choices, keeping);
}

struct Sums {
  uint64_t failures = 0, requests = 0, exchanges = 0, answers = 0;
};

// Apart from the test, whose assert would jump over what is to be freed.
void run_and_add(uint64_t seed, Sums* sums, Keeping keeping = Keeping::own) {
  const ScenarioResult result = run_seed(seed, keeping);
  sums->requests += result.requests;
  sums->exchanges += result.exchanges;
  sums->answers += result.answers;
  if (result.ok) return;
  std::printf("seed %s: not so: %s\n", present_seed, result.failure.c_str());
  if (++sums->failures > 1) return;
  const size_t shown = result.log.size() < 4000 ? 0 : result.log.size() - 4000;
  std::printf("%s\n", result.log.c_str() + shown);
}

void every_promise_holds_in_every_scenario(void**) {
  Sums sums;
  for (uint64_t seed = first_seed; seed < first_seed + runs; ++seed) run_and_add(seed, &sums);
  std::printf(
      "%llu requests, %llu exchanges, %llu answers\n", static_cast<unsigned long long>(sums.requests),
      static_cast<unsigned long long>(sums.exchanges), static_cast<unsigned long long>(sums.answers));
  assert_int_equal(sums.failures, 0);
  // The scenarios are worth something: things were tried again, and some went well.
  assert_true(sums.requests >= 2 * runs);
  assert_true(sums.exchanges >= sums.requests);
  assert_true(sums.answers >= sums.requests / 8 && sums.answers < sums.requests);
}

// The engine asks, cancels and gives back the same, and the law holds.
void every_promise_holds_where_budget_and_breakers_are_shared(void**) {
  Sums sums;
  for (uint64_t seed = first_seed; seed < first_seed + runs / 2; ++seed) {
    run_and_add(seed, &sums, Keeping::shared);
  }
  assert_int_equal(sums.failures, 0);
  assert_true(sums.answers >= sums.requests / 8 && sums.answers < sums.requests);
}

// 1 when the logs differ from that of the next seed, 0 when not, -1 when they differ from each other.
int compare(uint64_t seed) {
  const std::string once = run_seed(seed).log;
  if (once != run_seed(seed).log) return -1;
  return once != run_seed(seed + 1).log ? 1 : 0;
}

void the_same_seed_gives_the_same_log(void**) {
  int differing = 0;
  for (uint64_t seed = first_seed; seed < first_seed + 100; ++seed) {
    const int result = compare(seed);
    if (result < 0) fail_msg("seed %s gives another log the second time", present_seed);
    differing += result;
  }
  assert_in_range(differing, 95, 100);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, on_abort);
  if (argc == 2) {
    const ScenarioResult result = run_seed(std::strtoull(argv[1], nullptr, 10));
    std::printf("%s%s\n", result.log.c_str(), result.ok ? "all is well" : result.failure.c_str());
    return result.ok ? 0 : 1;
  }
  if (argc == 3) {
    first_seed = std::strtoull(argv[1], nullptr, 10);
    runs = std::strtoull(argv[2], nullptr, 10);
  }
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_same_seed_gives_the_same_log),
      cmocka_unit_test(every_promise_holds_in_every_scenario),
      cmocka_unit_test(every_promise_holds_where_budget_and_breakers_are_shared),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
