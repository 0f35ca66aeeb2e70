// SPDX-License-Identifier: MIT
// Claims about a host that holds up its loop while answers come: how long they then took is in no
// latency, and nothing is decided by it.
#include "run.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;

namespace {

constexpr int64_t kServedMs = 20;
constexpr int64_t kEveryMs = 400;
constexpr int kRequests = 150;

// A request every 400 ms, and the host away for 300 of them in every other.
void send_while_held_up(Run& run, const Sent& sent) {
  run.every_dial = at_once();
  for (int i = 0; i < kRequests; ++i) {
    run.simulation.after(ms(i * kEveryMs), [&run, sent, i] {
      run.shell.submit(sent);
      if (i % 2 != 0) run.simulation.hold_up(ms(kServedMs / 2), ms(300));
    });
  }
}

core::Health& health(Run& run) {
  return *run.shell.origins()[0]->health_room;
}

Duration longest(Run& run) {
  return health(run).digest.quantile(1'000, run.simulation.now());
}

void what_was_read_late_is_no_latency(void**) {
  Run& run = begin();
  run.every_exchange = answers(200, kServedMs);
  Sent sent = get();
  sent.policy.feasible = true;
  send_while_held_up(run, sent);
  run.simulation.run_until(run.start + ms(kRequests * kEveryMs));
  assert_true(longest(run) >= ms(kServedMs) && longest(run) < ms(kServedMs + 2));
  FINISH(run);
}

// Nor is how late a deadline was found over: the server may have been silent for that long, or not.
void a_deadline_found_over_late_is_no_latency(void**) {
  Run& run = begin();
  run.every_exchange = says_nothing();
  Sent sent = get();
  sent.policy.feasible = true;
  sent.policy.max_attempts = 1;
  sent.policy.attempt_timeout = ms(kServedMs);
  send_while_held_up(run, sent);
  run.simulation.run_until(run.start + ms(kRequests * kEveryMs));
  assert_true(longest(run) >= ms(kServedMs) && longest(run) < ms(kServedMs + 3));
  FINISH(run);
}

void a_breaker_takes_no_late_answer_for_a_slow_one(void**) {
  Run& run = begin();
  core::BreakerOptions options;
  options.slow_rate = 100;
  options.slow_after = ms(100);
  options.calls_min = 3;
  run.shell.set_breaker(options);
  run.every_exchange = answers(200, kServedMs);
  Sent sent = get();
  sent.policy.use_breaker = true;
  send_while_held_up(run, sent);
  run.simulation.run_until(run.start + ms(kRequests * kEveryMs));
  assert_true(health(run).breaker.state() == core::BreakerState::closed);
  for (const Ended& ended : run.shell.ended()) assert_int_equal(ended.status, 200);
  FINISH(run);
}

void a_limit_learns_of_the_server_alone(void**) {
  core::Limits limits;
  limits.throttle.concurrency = {core::LimiterKind::gradient, 4, 1, 8};
  Run& run = begin(limits);
  run.every_exchange = answers(200, kServedMs);
  send_while_held_up(run, get());
  run.simulation.run_until(run.start + ms(kRequests * kEveryMs));
  const core::ConcurrencyLimit& limit = run.shell.origins()[0]->throttle_room->concurrency;
  assert_true(limit.usual() == ms(kServedMs) && limit.recent() == ms(kServedMs));
  FINISH(run);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_was_read_late_is_no_latency),
      cmocka_unit_test(a_deadline_found_over_late_is_no_latency),
      cmocka_unit_test(a_breaker_takes_no_late_answer_for_a_slow_one),
      cmocka_unit_test(a_limit_learns_of_the_server_alone),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
