// SPDX-License-Identifier: MIT
// Claims about hedges by percentile, and about losers that are read on for so that their connections and
// latencies are not lost.
#include "guards.h"

#include "support/cmocka.h"

using namespace pester;
using namespace pester::sim;
using core::Kind;

namespace {

Sent hedged() {
  Sent sent = race(3);
  sent.policy.hedge_per_mille = 930;
  return sent;
}

void without_samples_no_hedge_starts_but_for_the_fixed_wait(void**) {
  for (const int64_t fixed : {0, 30}) {
    Run& run = begin();
    run.exchanges = {answers(200, 200), answers(200, 200)};
    Sent sent = hedged();
    sent.policy.concurrency = sent.lanes = 2;
    sent.policy.hedge_after = ms(fixed);
    run.shell.submit(sent);
    FINISH(run);
    assert_int_equal(begun(run, Kind::hedge), fixed != 0 ? 1 : 0);
  }
}

void a_hedge_starts_at_the_percentile_of_recent_answers(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.answer = [](const Request& request, const core::Lane& lane) {
    return answers(200, request.id > 100 && lane.index == 0 ? 500 : 20);
  };
  for (int i = 0; i < 100; ++i) {
    run.simulation.after(ms(i * 25), [&run] { run.shell.submit(hedged()); });
  }
  run.simulation.run_until(run.start + ms(2'600));
  assert_int_equal(begun(run, Kind::hedge), 0);
  const int64_t began_ms = run.now_ms();
  run.shell.submit(hedged());
  FINISH(run);
  assert_int_equal(begun(run, Kind::hedge), 1);
  assert_in_range(run.begun.back().at_ms - began_ms, 20, 22);
}

void a_lane_that_fails_for_good_starts_the_next_at_once(void**) {
  Run& run = begin();
  run.every_dial = at_once();
  run.exchanges = {answers(503, 10), answers(200, 10)};
  Sent sent = hedged();
  sent.policy.max_attempts = 1;
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal(run.begun.size(), 2);
  assert_int_equal(run.begun[1].at_ms, 10);
  assert_int_equal(run.shell.ended().front().status, 200);
}

void a_loser_is_read_on_for_and_its_connection_serves_on(void**) {
  Run& run = begin();
  run.exchanges = {answers(200, 10), answers(200, 60), answers(200, 10), answers(200, 10)};
  Sent sent = race(2);
  sent.policy.loser_drain = ms(500);
  run.shell.submit(sent);
  run.simulation.after(ms(200), [&run] {
    run.shell.submit(get());
    run.shell.submit(get());
  });
  FINISH(run);
  assert_int_equal(run.dials_seen, 2);
  assert_int_equal(run.shell.engine().counters().connections_reused, 2);
}

// Also on a connection that has served for long: it counts from its own exchange's begin.
void a_drained_loser_tells_its_true_latency(void**) {
  Run& run = begin();
  run.answer = [](const Request& request, const core::Lane& lane) {
    return answers(200, request.id > 30 && lane.index == 1 ? 60 : 10);
  };
  Sent sent = race(2);
  sent.policy.feasible = true;
  sent.policy.loser_drain = ms(500);
  for (int i = 0; i < 31; ++i) {
    run.simulation.after(ms(i * 300), [&run, sent] { run.shell.submit(sent); });
  }
  run.simulation.run_until(run.start + ms(30 * 300 + 200));
  assert_int_equal(run.dials_seen, 2);
  core::LatencyDigest& digest = run.shell.origins().front()->health->digest;
  assert_int_equal(digest.count(run.simulation.now()), 62);
  assert_in_range(digest.quantile(999, run.simulation.now()).ns, 60'000'000, 64'000'000);
  FINISH(run);
}

void a_loser_that_does_not_answer_in_time_is_closed(void**) {
  Run& run = begin();
  run.exchanges = {answers(200, 10), says_nothing(), answers(200, 10), answers(200, 10)};
  Sent sent = race(2);
  sent.policy.loser_drain = ms(100);
  run.shell.submit(sent);
  run.simulation.after(ms(200), [&run] {
    run.shell.submit(get());
    run.shell.submit(get());
  });
  FINISH(run);
  assert_int_equal(run.dials_seen, 3);
}

// The request is over when the winner is, whatever is read on for.
void a_drained_loser_keeps_nobody_waiting(void**) {
  Run& run = begin();
  run.exchanges = {answers(200, 10), answers(200, 400)};
  Sent sent = race(2);
  sent.policy.loser_drain = ms(500);
  run.shell.submit(sent);
  FINISH(run);
  assert_int_equal((run.shell.ended().front().at - run.start).ns / 1'000'000, 11);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(without_samples_no_hedge_starts_but_for_the_fixed_wait),
      cmocka_unit_test(a_hedge_starts_at_the_percentile_of_recent_answers),
      cmocka_unit_test(a_lane_that_fails_for_good_starts_the_next_at_once),
      cmocka_unit_test(a_loser_is_read_on_for_and_its_connection_serves_on),
      cmocka_unit_test(a_drained_loser_tells_its_true_latency),
      cmocka_unit_test(a_loser_that_does_not_answer_in_time_is_closed),
      cmocka_unit_test(a_drained_loser_keeps_nobody_waiting),
  };
  return cmocka_run_group_tests_name("hedges", tests, nullptr, nullptr) != 0;
}
