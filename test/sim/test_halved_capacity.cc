// SPDX-License-Identifier: MIT
// Claims about a server whose capacity halves for 30 s while requests go on coming: with a limit that
// finds itself its queue stays short and good answers are back at once; without one, they are not.
#include <memory>
#include <string>

#include "sim/load.h"

#include "support/cmocka.h"

using namespace pester::sim;
using pester::core::Duration;
using pester::core::LimiterKind;

namespace {

constexpr int64_t kBaseMs = 100;
constexpr uint32_t kRate = 800;  // of 1000 a second that it can serve, then 500
constexpr char kServer[] = "90-110ms,capacity=100,capacity=30s-60s:50";

// A second each. On the heap, so that a failing assert jumps over no destructor.
struct Outcome {
  ServerModel server;
  LoadResult result;

  // Of the seconds from `from` on, up to `to`.
  [[nodiscard]] Duration wait_most(size_t from, size_t to) const {
    Duration most{};
    for (size_t i = from; i < to; ++i) most = std::max(most, result.slices.at(i).wait_most);
    return most;
  }
  [[nodiscard]] uint32_t good(size_t from, size_t to) const {
    uint32_t sum = 0;
    for (size_t i = from; i < to; ++i) sum += result.slices.at(i).good;
    return sum / static_cast<uint32_t>(to - from);
  }
};
std::unique_ptr<Outcome>& present() {
  static std::unique_ptr<Outcome> outcome;
  return outcome;
}

const Outcome& run(LimiterKind kind, uint64_t seed) {
  present() = std::make_unique<Outcome>();
  Outcome& outcome = *present();
  std::string why;
  outcome.server = parse_server_model(kServer, &why).value();
  LoadPlan plan;
  plan.requests = kRate * 100;
  plan.rate = kRate;
  plan.seed = seed;
  plan.policy.max_attempts = 1;
  plan.limits.connections_per_origin = plan.limits.idle_per_origin = 100'000;
  plan.limits.waiting_per_origin = 100'000;
  plan.limits.wait_most = Duration::from_ms(500);
  plan.limits.throttle.concurrency.kind = kind;
  plan.slice = Duration::from_ms(1'000);
  outcome.result = run_load(outcome.server, plan);
  if (!outcome.result.failure.empty()) fail_msg("not so: %s", outcome.result.failure.c_str());
  assert_true(outcome.result.finished);
  return outcome;
}

void with_a_gradient_the_queue_stays_short_and_good_answers_are_back_at_once(void**) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Outcome& it = run(LimiterKind::gradient, seed);
    assert_in_range(it.good(20, 30), 760, 840);
    assert_true(it.wait_most(30, 60) < Duration::from_ms(3 * kBaseMs));
    assert_true(it.wait_most(35, 60) < Duration::from_ms(kBaseMs * 3 / 2));
    assert_in_range(it.good(35, 60), 450, 510);  // of 500
    assert_in_range(it.good(62, 70), 760, 900);
    assert_true(it.wait_most(0, 30) < Duration::from_ms(3 * kBaseMs));
  }
}

void without_one_nothing_is_good_for_half_a_minute_longer(void**) {
  const Outcome& it = run(LimiterKind::none, 1);
  assert_in_range(it.good(20, 30), 760, 840);
  assert_true(it.wait_most(30, 60) > Duration::from_ms(50 * kBaseMs));
  assert_int_equal(it.good(40, 60), 0);
  assert_int_equal(it.good(60, 90), 0);
}

// It waits for what is dropped; a server that drops nothing has a long queue.
void aimd_needs_a_server_that_says_when_it_is_too_much(void**) {
  present() = nullptr;
  const Outcome& it = run(LimiterKind::aimd, 1);
  assert_true(it.wait_most(30, 60) > Duration::from_ms(2 * kBaseMs));
  assert_true(it.wait_most(30, 60) < Duration::from_ms(4 * kBaseMs));  // its limit of 200 is all
}

void the_same_seed_gives_the_same_seconds(void**) {
  const uint32_t once = run(LimiterKind::gradient, 7).good(0, 90);
  const int64_t most = present()->wait_most(0, 90).ns;
  assert_int_equal(run(LimiterKind::gradient, 7).good(0, 90), once);
  assert_int_equal(present()->wait_most(0, 90).ns, most);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(with_a_gradient_the_queue_stays_short_and_good_answers_are_back_at_once),
      cmocka_unit_test(without_one_nothing_is_good_for_half_a_minute_longer),
      cmocka_unit_test(aimd_needs_a_server_that_says_when_it_is_too_much),
      cmocka_unit_test(the_same_seed_gives_the_same_seconds),
  };
  return cmocka_run_group_tests_name("halved_capacity", tests, nullptr, nullptr) != 0;
}
